/** A sample as [ms since 1970, value]; the value `staleMarker` marks the end of the series. */
export type Sample = readonly [timeMs: number, value: number | typeof staleMarker];

export const staleMarker = 'stale';
/** model/value.StaleNaN of Prometheus. */
const staleBits = 0x7ff0000000000002n;

/** Encodes at most 65,535 samples as Prometheus does (tsdb/chunkenc/xor.go). Simple rather than fast: it writes bit by bit. */
export function encodeXorChunk(samples: readonly Sample[]): Buffer {
  const bits = new BitWriter();
  bits.write(BigInt(samples.length), 16);
  let [time, value, delta] = [0n, 0n, 0n];
  let window: { leading: number; width: number } | undefined;
  samples.forEach(([timeMs, sampleValue], i) => {
    const nextTime = BigInt(timeMs);
    const nextValue = bitsOf(sampleValue);
    if (i === 0) {
      bits.writeVarint(nextTime < 0n ? -nextTime * 2n - 1n : nextTime * 2n);
      bits.write(nextValue, 64);
    } else {
      const nextDelta = nextTime - time;
      if (i === 1) bits.writeVarint(nextDelta);
      else writeChange(bits, nextDelta - delta);
      window = writeValue(bits, value ^ nextValue, window);
      delta = nextDelta;
    }
    time = nextTime;
    value = nextValue;
  });
  return bits.finish();
}

function bitsOf(value: Sample[1]): bigint {
  if (value === staleMarker) return staleBits;
  return new BigUint64Array(Float64Array.of(value).buffer)[0]!;
}

/** Formats of the delta of deltas: its width, the prefix, the width of the prefix. */
const changeFormats = [
  [14, 0b10n, 2],
  [17, 0b110n, 3],
  [20, 0b1110n, 4],
  [64, 0b1111n, 4],
] as const;

function writeChange(bits: BitWriter, change: bigint): void {
  if (change === 0n) {
    bits.write(0n, 1);
    return;
  }
  const isWideEnough = (width: number) => change > -(1n << BigInt(width - 1)) && change <= 1n << BigInt(width - 1);
  const [width, prefix, prefixWidth] = changeFormats.find(([bitWidth]) => isWideEnough(bitWidth))!;
  bits.write(prefix, prefixWidth);
  bits.write(BigInt.asUintN(width, change), width);
}

function writeValue(bits: BitWriter, change: bigint, window?: { leading: number; width: number }) {
  if (change === 0n) {
    bits.write(0n, 1);
    return window;
  }
  const text = change.toString(2);
  const leading = Math.min(31, 64 - text.length);
  const trailing = text.length - text.lastIndexOf('1') - 1;
  if (window && leading >= window.leading && trailing >= 64 - window.leading - window.width) {
    bits.write(0b10n, 2);
    bits.write(change >> BigInt(64 - window.leading - window.width), window.width);
    return window;
  }
  const width = 64 - leading - trailing;
  bits.write(0b11n, 2);
  bits.write(BigInt(leading), 5);
  bits.write(BigInt(width % 64), 6);
  bits.write(change >> BigInt(trailing), width);
  return { leading, width };
}

class BitWriter {
  private readonly bytes: number[] = [];
  private bit = 0;

  write(value: bigint, width: number): void {
    for (let i = width - 1; i >= 0; i--) {
      if (this.bit % 8 === 0) this.bytes.push(0);
      if ((value >> BigInt(i)) & 1n) this.bytes[this.bytes.length - 1]! |= 0x80 >> (this.bit % 8);
      this.bit++;
    }
  }

  writeVarint(value: bigint): void {
    let rest = value;
    for (; rest > 0x7fn; rest >>= 7n) this.write((rest & 0x7fn) | 0x80n, 8);
    this.write(rest, 8);
  }

  finish(): Buffer {
    return Buffer.from(this.bytes);
  }
}
