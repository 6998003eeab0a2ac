import {
  type Fault,
  type FilledColumns,
  faults,
  type Kernel,
  type LaneKind,
  type LanePlan,
  planLanes,
} from '../../src/remote-read/kernel.js';
import type { ChunkQuestion, Grid } from '../../src/remote-read/series-windows.js';

/** Samples in time order, passed from the decoder to the lanes. Grows as needed and is reused. */
export class Samples {
  count = 0;
  times = new Float64Array(128);
  values = new Float64Array(128);
  /** 1 = the sample is a stale marker. Separate from the values, because JavaScript may not preserve the bits of a NaN. */
  stale = new Uint8Array(128);

  push(timeMs: number, value: number, isStale: number): void {
    if (this.count === this.times.length) this.grow();
    this.times[this.count] = timeMs;
    this.values[this.count] = value;
    this.stale[this.count++] = isStale;
  }

  get lastTime(): number {
    return this.times[this.count - 1]!;
  }

  private grow(): void {
    const { times, values, stale } = this;
    this.times = new Float64Array(times.length * 2);
    this.values = new Float64Array(times.length * 2);
    this.stale = new Uint8Array(times.length * 2);
    this.times.set(times);
    this.values.set(values);
    this.stale.set(stale);
  }
}

/** Maximum number of samples held back; a chunk has at most 65,535. */
const maxSamples = 131_072;

/** Merges two lists by time into `merged`, the first list from index `from`. If both have a sample at the same time, the first list's is kept. Returns false if there are too many. */
export function mergeSamples(first: Samples, from: number, second: Samples, merged: Samples): boolean {
  merged.count = 0;
  let i = from;
  let k = 0;
  while (i < first.count || k < second.count) {
    if (merged.count === maxSamples) return false;
    const firstTime = i < first.count ? first.times[i]! : Number.POSITIVE_INFINITY;
    const secondTime = k < second.count ? second.times[k]! : Number.POSITIVE_INFINITY;
    if (firstTime <= secondTime) merged.push(firstTime, first.values[i]!, first.stale[i]!);
    else merged.push(secondTime, second.values[k]!, second.stale[k]!);
    if (firstTime <= secondTime) i++;
    if (secondTime <= firstTime) k++;
  }
  return true;
}

/** Reads bits, the highest of a byte first. Past the end it returns zeros and `isOver` becomes true. */
export class BitReader {
  private bytes: Uint8Array = new Uint8Array();
  private bit = 0;
  private lastBit = 0;

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.bit = start * 8;
    this.lastBit = end * 8;
  }

  get isOver(): boolean {
    return this.bit > this.lastBit;
  }

  /** An unsigned number of up to 25 bits. */
  read(width: number): number {
    const { bytes, bit } = this;
    const at = bit >> 3;
    this.bit = bit + width;
    if (this.bit > this.lastBit) return 0;
    const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    return (word << (bit & 7)) >>> (32 - width);
  }

  readBit(): number {
    const { bit } = this;
    this.bit = bit + 1;
    return bit < this.lastBit ? (this.bytes[bit >> 3]! >> (7 - (bit & 7))) & 1 : 0;
  }

  /** An unsigned number of up to 32 bits. */
  readWide(width: number): number {
    return width <= 25 ? this.read(width) : this.read(width - 16) * 0x10000 + this.read(16);
  }

  /** A difference of `width` bits: 1 - 2^(width-1) to 2^(width-1) (tsdb/docs/bstream.md). */
  readSigned(width: number): number {
    const bits = this.read(width);
    return bits > 2 ** (width - 1) ? bits - 2 ** width : bits;
  }

  /** A two's complement number of 64 bits; inexact beyond 2^53. */
  readSigned64(): number {
    const high = this.readWide(32) | 0;
    return high * 2 ** 32 + this.readWide(32);
  }
}

/** Bits of the NaN that marks the end of a series (model/value.StaleNaN). */
const staleHigh = 0x7ff00000;
const staleLow = 2;
const latestMs = Number.MAX_SAFE_INTEGER;

const bits = new BitReader();
const word = new Uint32Array(2);
const number = new Float64Array(word.buffer);
const [low, high] = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? [0, 1] : [1, 0];

/** The current value as bits, updated in place by each sample, and the window of the last XOR. */
interface ValueState {
  high: number;
  low: number;
  leading: number;
  width: number;
}

/** Number of samples according to the chunk's header. */
export function countOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** An unsigned varint of up to ten bytes and the offset of its end; undefined if it does not end. Inexact beyond 2^53. */
function readVarint(bytes: Uint8Array, at: number, end: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 10 && at + i < end; i++) {
    const byte = bytes[at + i]!;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return i === 9 && byte > 1 ? undefined : { value, end: at + i + 1 };
  }
  return undefined;
}

/** Time of the first sample, a zigzag varint, and the offset of its end; or the fault. */
export function readFirstTime(bytes: Uint8Array, at: number, end: number): { timeMs: number; end: number } | Fault {
  const start = at + 2;
  const zigzag = readVarint(bytes, start, end);
  if (!zigzag) return faults.truncated;
  const half = halfOfVarint(bytes, start);
  const timeMs = (bytes[start]! & 1) === 1 ? -half - 1 : half;
  return Math.abs(timeMs) > latestMs ? faults.time : { timeMs, end: zigzag.end };
}

/** Half of a varint, rounded down. Exact up to 2^53, where the full number would lose its last bit, the sign. */
function halfOfVarint(bytes: Uint8Array, at: number): number {
  let half = (bytes[at]! & 0x7f) >> 1;
  for (let i = 1; bytes[at + i - 1]! >= 0x80; i++) half += (bytes[at + i]! & 0x7f) * 2 ** (7 * i - 1);
  return half;
}

/** Decodes an XOR chunk (tsdb/chunkenc/xor.go) of at least one sample: `length` bytes at offset `at`. Reads no byte outside this range. */
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

/** The delta of deltas, in ms. */
function readChange(): number {
  if (bits.readBit() === 0) return 0;
  if (bits.readBit() === 0) return bits.readSigned(14);
  if (bits.readBit() === 0) return bits.readSigned(17);
  if (bits.readBit() === 0) return bits.readSigned(20);
  return bits.readSigned64();
}

/** XORs the next bits into the value, within the previous window or a new one. */
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

/** Computes one set of windows over a series. The WebAssembly kernel has the same classes. */
export abstract class Lane {
  /** All rows with a value are within [firstFilled, endFilled). */
  firstFilled = 0;
  endFilled = 0;
  protected row = 0;
  protected endMs = 0;

  constructor(
    protected readonly plan: LanePlan,
    private readonly columns: readonly Float64Array[],
  ) {}

  /** Prepares for the next series. */
  reset(): void {
    this.row = this.plan.firstRow;
    this.endMs = this.plan.firstEndMs;
    this.firstFilled = Number.POSITIVE_INFINITY;
    this.endFilled = 0;
  }

  /** Processes the first `count` samples, which follow those of earlier calls. */
  abstract run(samples: Samples, count: number): void;

  /** Ends the series and writes the remaining windows. */
  abstract close(): void;

  /** Writes the results of a row, by result index. */
  protected write(results: readonly number[]): void {
    const { columns } = this.plan;
    for (let i = 0; i < results.length; i++) {
      const column = columns[i]!;
      if (column >= 0) this.columns[column]![this.row] = results[i]!;
    }
    this.firstFilled = Math.min(this.firstFilled, this.row);
    this.endFilled = this.row + 1;
  }

  protected get isOver(): boolean {
    return this.row >= this.plan.rows;
  }

  protected skip(windows: number): void {
    this.row += windows * this.plan.rowStep;
    this.endMs += windows * this.plan.strideMs;
  }

  /** Skips windows without samples, up to the one that ends at `timeMs` or later. */
  protected skipTo(timeMs: number): void {
    if (timeMs > this.endMs) this.skip(Math.ceil((timeMs - this.endMs) / this.plan.strideMs));
  }
}

/** A lane whose windows use all samples of a range, except stale markers. */
export abstract class RangeLane extends Lane {
  protected count = 0;
  protected lastTime = 0;
  protected lastValue = 0;

  override reset(): void {
    super.reset();
    this.empty();
  }

  run({ times, values, stale }: Samples, count: number): void {
    const { widthMs } = this.plan;
    for (let i = 0; i < count; i++) {
      if (stale[i] === 1) continue;
      const time = times[i]!;
      if (time > this.endMs) this.turnTo(time);
      if (this.isOver) return;
      if (time >= this.endMs - widthMs) this.take(time, values[i]!);
    }
  }

  close(): void {
    if (!this.isOver) this.turnTo(Number.POSITIVE_INFINITY);
  }

  /** Adds a sample to the window. */
  protected abstract take(timeMs: number, value: number): void;
  /** Writes the window's results, if it has any. */
  protected abstract finish(): void;

  /** Removes the window's samples. */
  protected empty(): void {
    this.count = 0;
  }

  /** Writes the window and moves to the window that contains `timeMs`, or to the lane's next window after it. */
  private turnTo(timeMs: number): void {
    this.finish();
    const isCarried = this.plan.isShared && this.count > 0 && this.lastTime === this.endMs;
    this.empty();
    this.skip(1);
    if (isCarried && !this.isOver) {
      this.take(this.lastTime, this.lastValue);
      if (timeMs <= this.endMs) return;
      this.finish();
      this.empty();
    }
    this.skipTo(timeMs);
  }
}

/** rate, increase and irate. */
export class CounterLane extends RangeLane {
  private firstTime = 0;
  private firstValue = 0;
  private previousTime = 0;
  private previousValue = 0;
  /** Sum of the counter's values before resets. */
  private resets = 0;

  protected override empty(): void {
    super.empty();
    this.resets = 0;
  }

  protected take(timeMs: number, value: number): void {
    if (this.count++ === 0) {
      this.firstTime = timeMs;
      this.firstValue = value;
    } else if (value < this.lastValue) this.resets += this.lastValue;
    this.previousTime = this.lastTime;
    this.previousValue = this.lastValue;
    this.lastTime = timeMs;
    this.lastValue = value;
  }

  protected finish(): void {
    if (this.count < 2) return;
    const { lastValue, previousValue } = this;
    const increase = this.extrapolatedIncrease();
    const gained = lastValue < previousValue ? lastValue : lastValue - previousValue;
    this.write([increase / (this.plan.rangeMs / 1000), increase, gained / ((this.lastTime - this.previousTime) / 1000)]);
  }

  /** extrapolatedRate for counters, without the division by the range (Prometheus: promql/functions.go). */
  private extrapolatedIncrease(): number {
    const { rangeMs, isZeroFirst } = this.plan;
    const gained = this.lastValue - this.firstValue + this.resets;
    const sampled = (this.lastTime - this.firstTime) / 1000;
    const average = sampled / (this.count - 1);
    const threshold = average * 1.1;
    const toZero = gained > 0 && this.firstValue >= 0 ? sampled * (this.firstValue / gained) : Number.POSITIVE_INFINITY;
    let toStart = (this.firstTime - (this.endMs - rangeMs)) / 1000;
    let toEnd = (this.endMs - this.lastTime) / 1000;
    if (isZeroFirst && toZero < toStart) toStart = toZero;
    if (toStart >= threshold) toStart = average / 2;
    if (!isZeroFirst && toZero < toStart) toStart = toZero;
    if (toEnd >= threshold) toEnd = average / 2;
    return gained * ((sampled + toStart + toEnd) / sampled);
  }
}

/** avg, min, max, sum, count and last_over_time. */
export class GaugeLane extends RangeLane {
  private sum = 0;
  /** Accumulated rounding error of the sum. */
  private rest = 0;
  private min = 0;
  private max = 0;

  protected override empty(): void {
    super.empty();
    this.sum = 0;
    this.rest = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.max = Number.NEGATIVE_INFINITY;
  }

  protected take(timeMs: number, value: number): void {
    // Neumaier's compensated sum, like kahanSumInc (Prometheus: promql/functions.go).
    const total = this.sum + value;
    this.rest += Math.abs(this.sum) >= Math.abs(value) ? this.sum - total + value : value - total + this.sum;
    this.sum = total;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    this.count++;
    this.lastTime = timeMs;
    this.lastValue = value;
  }

  protected finish(): void {
    const { count, min, max } = this;
    if (count === 0) return;
    // The rounding error of an infinite sum is meaningless.
    const sum = Math.abs(this.sum) === Number.POSITIVE_INFINITY ? this.sum : this.sum + this.rest;
    // PromQL's minimum and maximum ignore NaN unless all values are NaN.
    const hasNumber = min <= max;
    this.write([sum / count, hasNumber ? min : Number.NaN, hasNumber ? max : Number.NaN, sum, count, this.lastValue]);
  }
}

/** A bare selector: the latest sample within the look-back of each instant. A stale marker is a NaN, which stands for no value. */
export class InstantLane extends Lane {
  private latestTime = Number.NEGATIVE_INFINITY;
  private latestValue = Number.NaN;

  override reset(): void {
    super.reset();
    this.latestTime = Number.NEGATIVE_INFINITY;
  }

  run({ times, values }: Samples, count: number): void {
    for (let i = 0; i < count; i++) {
      const time = times[i]!;
      if (time > this.endMs) this.passInstants(time);
      if (this.isOver) return;
      this.latestTime = time;
      this.latestValue = values[i]!;
    }
  }

  close(): void {
    this.passInstants(Number.POSITIVE_INFINITY);
  }

  /** Writes the latest sample to the instants before `timeMs`. */
  private passInstants(timeMs: number): void {
    while (!this.isOver && this.endMs < timeMs) {
      if (this.latestTime >= this.endMs - this.plan.widthMs) this.write([this.latestValue]);
      this.skip(1);
    }
  }
}

const laneOf: Readonly<Record<LaneKind, new (plan: LanePlan, columns: readonly Float64Array[]) => Lane>> = {
  gauge: GaugeLane,
  counter: CounterLane,
  instant: InstantLane,
};

/** The kernel in plain TypeScript. Tests compare the WebAssembly kernel with it. */
export class TwinKernel implements Kernel {
  private readonly lanesOf: readonly (readonly Lane[])[];
  private readonly columnsOf: readonly (readonly Float64Array[])[];
  private lanes: readonly Lane[] = [];
  private columns: readonly Float64Array[] = [];
  private room = Buffer.alloc(0);
  /** Samples held back because the next chunk may overlap them. */
  private held = new Samples();
  private merged = new Samples();
  private readonly overlapping = new Samples();
  private seenTime = Number.NEGATIVE_INFINITY;

  constructor(questions: readonly ChunkQuestion[], grid: Grid) {
    this.columnsOf = questions.map(({ windows }) => windows.map(() => new Float64Array(grid.rows)));
    this.lanesOf = questions.map(({ windows }, i) =>
      planLanes(windows, grid).map((plan) => new laneOf[plan.kind](plan, this.columnsOf[i]!)),
    );
  }

  roomFor(bytes: number): Uint8Array {
    if (this.room.length < bytes) this.room = Buffer.alloc(bytes);
    return this.room.subarray(0, bytes);
  }

  open(question: number): void {
    this.lanes = this.lanesOf[question]!;
    this.columns = this.columnsOf[question]!;
    for (const column of this.columns) column.fill(Number.NaN);
    for (const lane of this.lanes) lane.reset();
    this.held.count = 0;
    this.seenTime = Number.NEGATIVE_INFINITY;
  }

  add(offset: number, length: number): Fault {
    const { room, held } = this;
    if (length < 2) return faults.truncated;
    if (countOf(room, offset) === 0) return faults.none;
    const first = readFirstTime(room, offset, offset + length);
    if (typeof first === 'number') return first;
    if (first.timeMs <= this.seenTime) return faults.order;
    if (held.count > 0 && first.timeMs <= held.lastTime) return this.addOverlapping(first.timeMs, offset, length);
    this.run(held.count);
    return decodeChunk(room, offset, length, held);
  }

  close(): FilledColumns {
    this.run(this.held.count);
    let firstRow = Number.POSITIVE_INFINITY;
    let endRow = 0;
    for (const lane of this.lanes) {
      lane.close();
      firstRow = Math.min(firstRow, lane.firstFilled);
      endRow = Math.max(endRow, lane.endFilled);
    }
    return { values: this.columns, firstRow: Math.min(firstRow, endRow), endRow };
  }

  free(): void {}

  /** Samples before the chunk are final; the others are merged with the chunk. */
  private addOverlapping(timeMs: number, offset: number, length: number): Fault {
    const { held, merged, overlapping } = this;
    let from = 0;
    while (held.times[from]! < timeMs) from++;
    this.run(from);
    const fault = decodeChunk(this.room, offset, length, overlapping);
    if (fault) return fault;
    if (!mergeSamples(held, from, overlapping, merged)) return faults.overlap;
    this.held = merged;
    this.merged = held;
    return faults.none;
  }

  /** Passes the first `count` held samples to the lanes. */
  private run(count: number): void {
    if (count === 0) return;
    for (const lane of this.lanes) lane.run(this.held, count);
    this.seenTime = this.held.times[count - 1]!;
  }
}
