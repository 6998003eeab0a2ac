import { BitReader } from './bit-reader.js';
import { type Fault, faults } from './faults.js';
import type { Samples } from './samples.js';

/** Bits of the NaN that marks a series as gone (model/value.StaleNaN). */
const staleHigh = 0x7ff00000;
const staleLow = 2;
const latestMs = Number.MAX_SAFE_INTEGER;

const bits = new BitReader();
const word = new Uint32Array(2);
const number = new Float64Array(word.buffer);
const [low, high] = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? [0, 1] : [1, 0];

/** State of the number that is read bit by bit: what changed is written over what was. */
interface ValueState {
  high: number;
  low: number;
  leading: number;
  width: number;
}

/** Number of samples that a chunk says it has. */
export function countOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** An unsigned varint of up to ten bytes and where it ends; undefined where it does not. Beyond 2^53 not exact. */
function readVarint(bytes: Uint8Array, at: number, end: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 10 && at + i < end; i++) {
    const byte = bytes[at + i]!;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return i === 9 && byte > 1 ? undefined : { value, end: at + i + 1 };
  }
  return undefined;
}

/** Time of the first sample, a zigzag varint, and where it ends, or what is wrong. */
export function readFirstTime(bytes: Uint8Array, at: number, end: number): { timeMs: number; end: number } | Fault {
  const start = at + 2;
  const zigzag = readVarint(bytes, start, end);
  if (!zigzag) return faults.truncated;
  const half = halfOfVarint(bytes, start);
  const timeMs = (bytes[start]! & 1) === 1 ? -half - 1 : half;
  return Math.abs(timeMs) > latestMs ? faults.time : { timeMs, end: zigzag.end };
}

/** Half of a varint, rounded down: exact up to 2^53, where the whole would have lost its last bit, the sign. */
function halfOfVarint(bytes: Uint8Array, at: number): number {
  let half = (bytes[at]! & 0x7f) >> 1;
  for (let i = 1; bytes[at + i - 1]! >= 0x80; i++) half += (bytes[at + i]! & 0x7f) * 2 ** (7 * i - 1);
  return half;
}

/** Decodes an XOR chunk (tsdb/chunkenc/xor.go) of at least one sample: `length` bytes at `at`. Reads no byte outside it. */
export function decodeChunk(bytes: Uint8Array, at: number, length: number, samples: Samples): Fault {
  const end = at + length;
  const count = countOf(bytes, at);
  const first = readFirstTime(bytes, at, end);
  if (typeof first === 'number') return first;
  if (first.end + 8 > end) return faults.truncated;
  let time = first.timeMs;
  bits.reset(bytes, first.end, end);
  const state: ValueState = { high: bits.readWide(32), low: bits.readWide(32), leading: 0, width: 64 };
  samples.count = 0;
  pushSample(samples, time, state);
  if (count === 1) return faults.none;

  const second = readVarint(bytes, first.end + 8, end);
  if (!second) return faults.truncated;
  if (second.value > latestMs) return faults.time;
  let delta = second.value;
  bits.reset(bytes, second.end, end);
  for (let i = 1; i < count; i++) {
    if (i > 1) {
      const change = readChange();
      if (bits.isOver) return faults.truncated;
      if (change > latestMs) return faults.time;
      delta += change;
    }
    const fault = bits.readBit() === 1 ? readValue(state) : faults.none;
    if (bits.isOver) return faults.truncated;
    if (fault) return fault;
    if (delta < 0) return faults.order;
    if (delta > latestMs) return faults.time;
    if (delta === 0) continue;
    time += delta;
    if (time > latestMs) return faults.time;
    pushSample(samples, time, state);
  }
  return faults.none;
}

/** How much the distance to the next sample differs from the last, in ms. */
function readChange(): number {
  if (bits.readBit() === 0) return 0;
  if (bits.readBit() === 0) return bits.readSigned(14);
  if (bits.readBit() === 0) return bits.readSigned(17);
  if (bits.readBit() === 0) return bits.readSigned(20);
  return bits.readSigned64();
}

/** The bits that differ from the last value: as many, at the same place, as the last time, or after a new statement of both. */
function readValue(state: ValueState): Fault {
  if (bits.readBit() === 1) {
    state.leading = bits.read(5);
    state.width = bits.read(6) || 64;
    if (state.leading + state.width > 64) return faults.width;
  }
  const { leading, width } = state;
  const trailing = 64 - leading - width;
  const upper = width > 32 ? bits.readWide(width - 32) : 0;
  const lower = bits.readWide(Math.min(32, width));
  // (upper:lower) << trailing, of which trailing is 0 to 63.
  if (trailing === 0) {
    state.high = (state.high ^ upper) >>> 0;
    state.low = (state.low ^ lower) >>> 0;
  } else if (trailing < 32) {
    state.high = (state.high ^ ((upper << trailing) | (lower >>> (32 - trailing)))) >>> 0;
    state.low = (state.low ^ (lower << trailing)) >>> 0;
  } else state.high = (state.high ^ (lower << (trailing - 32))) >>> 0;
  return faults.none;
}

function pushSample(samples: Samples, timeMs: number, state: ValueState): void {
  word[low!] = state.low;
  word[high!] = state.high;
  samples.push(timeMs, number[0]!, Number(state.high === staleHigh && state.low === staleLow));
}
