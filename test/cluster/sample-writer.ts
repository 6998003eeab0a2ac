import type { FileHandle } from 'node:fs/promises';

const bufferBytes = 8 * 1024 ** 2;
/** Maximum bytes of a value: 16 digits, a point, six more digits. */
const valueBytes = 24;
/** Bytes of a time: a space, ten digits of epoch seconds, a line feed. */
const timeBytes = 12;
const million = 1_000_000;
const [zero, point] = [0x30, 0x2e];

/** Writes about ten million samples per second as OpenMetrics text: it creates no strings and writes the file in large blocks. */
export class SampleWriter {
  private buffer = Buffer.allocUnsafe(bufferBytes);
  private used = 0;
  private readonly times: Buffer;

  /** The samples' instants: `length` of them, `stepSeconds` apart, the first at `firstSeconds`. */
  constructor(
    private readonly file: FileHandle,
    { firstSeconds, stepSeconds, length }: { firstSeconds: number; stepSeconds: number; length: number },
  ) {
    this.times = Buffer.from(Array.from({ length }, (_, i) => ` ${firstSeconds + i * stepSeconds}\n`).join(''), 'latin1');
  }

  async writeText(text: string): Promise<void> {
    await this.makeRoom(Buffer.byteLength(text));
    this.used += this.buffer.write(text, this.used);
  }

  /** Writes one value at the instants `from` (inclusive) to `to` (exclusive). */
  async writeConstant(series: string, value: number, from: number, to: number): Promise<void> {
    const start = Buffer.from(`${series} ${value}`);
    await this.makeRoom((to - from) * (start.length + timeBytes));
    for (let i = from; i < to; i++) {
      this.buffer.set(start, this.used);
      this.used += start.length;
      this.writeTime(i);
    }
  }

  /** Writes `values[offset + i]` at the instants `from` (inclusive) to `to` (exclusive). */
  async writeValues(
    series: string,
    format: 'decimals' | 'whole',
    values: Float64Array,
    offset: number,
    from: number,
    to: number,
  ): Promise<void> {
    const start = Buffer.from(`${series} `);
    await this.makeRoom((to - from) * (start.length + valueBytes + timeBytes));
    for (let i = from; i < to; i++) {
      this.buffer.set(start, this.used);
      this.used += start.length;
      if (format === 'whole') this.writeWhole(values[offset + i]!);
      else this.writeDecimals(values[offset + i]!);
      this.writeTime(i);
    }
  }

  async flush(): Promise<void> {
    await this.file.write(this.buffer, 0, this.used);
    this.used = 0;
  }

  private async makeRoom(bytes: number): Promise<void> {
    if (this.used + bytes > this.buffer.length) await this.flush();
    if (bytes > this.buffer.length) this.buffer = Buffer.allocUnsafe(bytes);
  }

  private writeDecimals(value: number): void {
    let whole = Math.floor(value);
    let millionths = Math.round((value - whole) * million);
    if (millionths === million) {
      whole++;
      millionths = 0;
    }
    this.writeWhole(whole);
    this.buffer[this.used++] = point;
    this.writeSixDigits(millionths);
  }

  private writeWhole(value: number): void {
    // JavaScript divides slowly beyond 32 bits, so this writes groups of digits.
    if (value >= million) {
      const high = Math.floor(value / million);
      this.writeWhole(high);
      this.writeSixDigits(value - high * million);
      return;
    }
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits++;
    this.writeDigits(value, digits);
  }

  private writeSixDigits(value: number): void {
    this.writeDigits(value, 6);
  }

  private writeDigits(value: number, digits: number): void {
    let rest = value | 0;
    for (let at = this.used + digits - 1; at >= this.used; at--) {
      const shorter = (rest / 10) | 0;
      this.buffer[at] = zero + rest - shorter * 10;
      rest = shorter;
    }
    this.used += digits;
  }

  private writeTime(instant: number): void {
    const from = instant * timeBytes;
    for (let i = 0; i < timeBytes; i++) this.buffer[this.used + i] = this.times[from + i]!;
    this.used += timeBytes;
  }
}
