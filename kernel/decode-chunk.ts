import { entryAt, entryBytes, storeEntry } from './entries';
import { Fault } from './kernel';

function loadBigEndian(at: usize): u64 {
  const bytes = v128.load64_zero(at);
  // One instruction; bswap would take nine.
  return v128.extract_lane<u64>(v128.shuffle<i8>(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0);
}

/** The bits from bit position `bit` on, at the top of the word. Only the first 57 are valid. Reads 8 bytes. */
export function peek57(bit: usize): u64 {
  return loadBigEndian(bit >> 3) << (bit & 7);
}

/** The 64 bits from bit position `bit` on. Reads 9 bytes. */
export function peek64(bit: usize): u64 {
  const at = bit >> 3;
  const shift = bit & 7;
  return (loadBigEndian(at) << shift) | (u64(load<u8>(at + 8)) >> (8 - shift));
}

/** A signed number of `width` bits, from 1 - 2^(width-1) to 2^(width-1). Not two's complement: see Prometheus' tsdb/docs/bstream.md. */
export function signedBits(bits: u64, width: u64): i64 {
  return i64(bits) - (bits > (1 as u64) << (width - 1) ? i64(1) << width : 0);
}

/** Latest valid time; 2^53 - 1, up to which the twin's numbers are exact. */
const maxTimeMs: i64 = 9007199254740991;
/** Bits of the NaN that marks a series as stale (Prometheus: model/value.StaleNaN). */
const staleBits: u64 = ((0x7ff00000 as u64) << 32) | 2;
/** Maximum repeated samples in one word. A sample with the same interval and the same value as the last is two zero bits. */
const maxRunInWord: u64 = 28;

/** Results of the last call of `decodeChunk` or `peekFirstTime`. */
export let decodedEnd: usize = 0;
export let decodedTime: i64 = 0;

let varintEnd: usize = 0;

/** Reads an unsigned varint of up to ten bytes before `end`. Sets `varintEnd` to its end, or to 0 if it is invalid. */
function readVarint(at: usize, end: usize): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 70 && at < end; shift += 7) {
    const byte = load<u8>(at++);
    value |= u64(byte & 0x7f) << shift;
    if (byte < 0x80) {
      // The tenth byte holds only one bit.
      varintEnd = shift === 63 && byte > 1 ? 0 : at;
      return value;
    }
  }
  varintEnd = 0;
  return 0;
}

/** Number of samples according to the chunk's header: two bytes, big-endian. */
export function countOf(at: usize): u32 {
  return (u32(load<u8>(at)) << 8) | load<u8>(at + 1);
}

/** Sets `decodedTime` to the time of the first sample. */
export function peekFirstTime(at: usize, length: usize): Fault {
  const zigzag = readVarint(at + 2, at + length);
  if (varintEnd === 0) return Fault.Truncated;
  decodedTime = i64(zigzag >> 1) ^ -i64(zigzag & 1);
  return decodedTime > maxTimeMs || decodedTime < -maxTimeMs ? Fault.Time : Fault.None;
}

/**
 * Decodes an XOR chunk (Prometheus: tsdb/chunkenc/xor.go) with at least one sample into entries from `out` on. Sets `decodedEnd` to their
 * end and `decodedTime` to the time of the last. Reads up to 9 bytes past the end of the chunk, which are within the memory; it is a fault
 * if a sample uses any of them.
 */
export function decodeChunk(at: usize, length: usize, out: usize): Fault {
  const fault = peekFirstTime(at, length);
  if (fault) return fault;
  const count = countOf(at);
  const end = at + length;
  let time = decodedTime;
  at = varintEnd;
  if (at + 8 > end) return Fault.Truncated;
  let bits = bswap<u64>(load<u64>(at));
  let isSample = u32(bits !== staleBits);
  at += 8;
  storeEntry(out, time, reinterpret<f64>(bits), isSample, 0);
  out += entryBytes;
  if (count === 1) {
    decodedEnd = out;
    return Fault.None;
  }

  const firstDelta = readVarint(at, end);
  if (varintEnd === 0) return Fault.Truncated;
  if (firstDelta > u64(maxTimeMs)) return Fault.Time;
  let delta = i64(firstDelta);
  let position = varintEnd << 3;
  const lastBit = end << 3;
  let leading: u64 = 0;
  let width: u64 = 64;
  let isInRun = false;
  let isSecond = true;
  for (let left = count - 1; left > 0; left--) {
    let word = peek57(position);
    let used: u64 = 0;
    if (word >> 61 === 2 && !isSecond) {
      // The most common sample: same interval as before, changed bits at the same position as before.
      bits ^= (peek64(position + 3) >> (64 - width)) << (64 - leading - width);
      position += usize(width) + 3;
      if (position > lastBit) return Fault.Truncated;
      if (delta === 0) continue;
      time += delta;
      if (time > maxTimeMs) return Fault.Time;
      isSample = u32(bits !== staleBits);
      isInRun = false;
      storeEntry(out, time, reinterpret<f64>(bits), isSample, 0);
      out += entryBytes;
      continue;
    }
    if (isSecond) isSecond = false;
    else if (word >> 62 === 0) {
      const run = u32(min(min(clz(word) >> 1, maxRunInWord), u64(left)));
      position += run << 1;
      if (position > lastBit) return Fault.Truncated;
      left -= run - 1;
      if (delta === 0) continue;
      if (isInRun) {
        entryAt(out - entryBytes).count += run;
        time += delta * i64(run);
      } else if (isSample && delta <= i64(u32.MAX_VALUE)) {
        storeEntry(out, time + delta, reinterpret<f64>(bits), run, u32(delta));
        out += entryBytes;
        time += delta * i64(run);
        isInRun = true;
      } else {
        for (let i: u32 = 0; i < run; i++) {
          time += delta;
          storeEntry(out, time, reinterpret<f64>(bits), isSample, 0);
          out += entryBytes;
        }
      }
      if (time > maxTimeMs) return Fault.Time;
      continue;
    } else if (word >> 63 === 0) used = 1;
    else if (word >> 62 === 2) {
      delta += signedBits((word << 2) >> 50, 14);
      used = 16;
    } else if (word >> 61 === 6) {
      delta += signedBits((word << 3) >> 47, 17);
      used = 20;
    } else if (word >> 60 === 14) {
      delta += signedBits((word << 4) >> 44, 20);
      used = 24;
    } else {
      const change = i64(peek64(position + 4));
      position += 68;
      if (position > lastBit) return Fault.Truncated;
      if (change > maxTimeMs) return Fault.Time;
      delta += change;
      word = peek57(position);
    }

    const control = word << used;
    if (control >> 63 === 0) position += usize(used) + 1;
    else {
      if (control >> 62 === 2) used += 2;
      else {
        leading = (control << 2) >> 59;
        width = (control << 7) >> 58;
        if (width === 0) width = 64;
        used += 13;
        if (leading + width > 64) return position + usize(used) > lastBit ? Fault.Truncated : Fault.Width;
      }
      bits ^= (peek64(position + usize(used)) >> (64 - width)) << (64 - leading - width);
      isSample = u32(bits !== staleBits);
      position += usize(used + width);
    }
    if (position > lastBit) return Fault.Truncated;
    if (delta <= 0) {
      if (delta < 0) return Fault.Order;
      continue;
    }
    if (delta > maxTimeMs) return Fault.Time;
    time += delta;
    if (time > maxTimeMs) return Fault.Time;
    isInRun = false;
    storeEntry(out, time, reinterpret<f64>(bits), isSample, 0);
    out += entryBytes;
  }
  decodedEnd = out;
  decodedTime = time;
  return Fault.None;
}
