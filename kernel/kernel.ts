import { closeCounter, runCounter } from './counter-lane';
import { countOf, decodeChunk, decodedEnd, decodedTime, peekFirstTime } from './decode-chunk';
import { entryAt, entryBytes, lastTimeOf, maxEntries, mergedEnd, mergeEntries } from './entries';
import { closeGauge, runGauge } from './gauge-lane';
import { passInstants, runInstant, Lane, LaneKind, laneBytes, resetLane } from './lane';

/** Faults of a chunk; their texts are in src/remote-read/kernel.ts. */
export enum Fault {
  None = 0,
  /** The chunk ends before its last sample. */
  Truncated = 1,
  /** A value of more than 64 bits. */
  Width = 2,
  /** Its samples, or the chunks of a series, are not in time order. */
  Order = 3,
  /** An invalid time: 2^53 ms or more from 1970. */
  Time = 4,
  /** Overlapping chunks have too many samples. */
  Overlap = 5,
}

/**
 * The kernel turns XOR chunks into windows, in one pass and without storing the samples. `npm run build` compiles it to WebAssembly. Tests
 * compare it with a twin in plain TypeScript, test/chunks/twin-kernel.ts. Layout of the memory: three lists of entries, the lanes, the
 * columns, the frame.
 */

/** The decoder reads up to 9 bytes past the end of a chunk. */
const padding: usize = 16;
const listBytes = maxEntries * entryBytes;

let held: usize = 0;
let merged: usize = 0;
let overlapping: usize = 0;
let lanes: usize = 0;
let laneEnd: usize = 0;
let columns: usize = 0;
let columnBytes: usize = 0;
let columnsInUse: i32 = 0;
let frame: usize = 0;

/** End of the entries that wait for the next chunk, which may overlap them, and the time of the last of them. */
let heldEnd: usize = 0;
let heldTime: i64 = 0;
/** Time of the last entry that the lanes have processed. */
let seenTime: i64 = 0;

function ensureMemory(end: usize): void {
  const pages = i32((end + 0xffff) >> 16) - memory.size();
  // Frames tend to get slightly longer. Doubling the memory makes it grow, and its buffer change, less often.
  if (pages > 0 && memory.grow(max(pages, memory.size())) < 0 && memory.grow(pages) < 0) unreachable();
}

/** Lays out the memory for at most this many lanes and columns of `rows` values. Returns the address of the first column. */
export function layOut(maxLanes: i32, maxColumns: i32, rows: i32): usize {
  held = (__heap_base + 15) & ~15;
  merged = held + listBytes;
  overlapping = merged + listBytes;
  lanes = laneEnd = overlapping + listBytes;
  columns = (lanes + usize(maxLanes) * laneBytes + 15) & ~15;
  columnBytes = usize(rows) * 8;
  frame = columns + usize(maxColumns) * columnBytes;
  ensureMemory(frame + padding);
  return columns;
}

/** Makes room for a frame and returns its address. */
export function roomFor(bytes: i32): usize {
  ensureMemory(frame + usize(bytes) + padding);
  return frame;
}

/** Removes all lanes. The lanes added next use this many columns. */
export function clearLanes(columnCount: i32): void {
  laneEnd = lanes;
  columnsInUse = columnCount;
  markDirty(0, i32(columnBytes >> 3));
}

/** Rows that may hold values other than NaN. */
let dirtyFrom: i32 = 0;
let dirtyTo: i32 = 0;

function markDirty(from: i32, to: i32): void {
  dirtyFrom = from;
  dirtyTo = to;
}

/** Adds a lane. Its columns are indices of the columns of `layOut`, -1 = not requested. Times are whole milliseconds. */
export function addLane(
  kind: LaneKind,
  rowStep: i32,
  rows: i32,
  firstRow: i32,
  firstEndMs: f64,
  strideMs: f64,
  rangeMs: f64,
  widthMs: f64,
  isShared: bool,
  isZeroFirst: bool,
  column0: i32,
  column1: i32,
  column2: i32,
  column3: i32,
  column4: i32,
  column5: i32,
): void {
  const lane = changetype<Lane>(laneEnd);
  lane.kind = kind;
  lane.rowStep = rowStep;
  lane.rows = rows;
  lane.firstRow = firstRow;
  lane.firstEndMs = i64(firstEndMs);
  lane.strideMs = i64(strideMs);
  lane.rangeMs = i64(rangeMs);
  lane.widthMs = i64(widthMs);
  lane.isShared = i32(isShared);
  lane.isZeroFirst = i32(isZeroFirst);
  lane.column0 = columnAt(column0);
  lane.column1 = columnAt(column1);
  lane.column2 = columnAt(column2);
  lane.column3 = columnAt(column3);
  lane.column4 = columnAt(column4);
  lane.column5 = columnAt(column5);
  laneEnd += laneBytes;
}

function columnAt(column: i32): usize {
  return column < 0 ? 0 : columns + usize(column) * columnBytes;
}

/** Prepares for a series: sets all columns to NaN. */
export function open(): void {
  const from = usize(dirtyFrom) << 3;
  const bytes = usize(dirtyTo - dirtyFrom) << 3;
  for (let column = 0; column < columnsInUse; column++) memory.fill(columnAt(column) + from, 0xff, bytes);
  markDirty(0, i32(columnBytes >> 3));
  for (let at = lanes; at < laneEnd; at += laneBytes) resetLane(changetype<Lane>(at));
  heldEnd = held;
  seenTime = i64.MIN_VALUE;
}

/** Adds the next chunk of the series: `length` bytes at `offset` of the frame. */
export function add(offset: i32, length: i32): Fault {
  const at = frame + usize(offset);
  if (length < 2) return Fault.Truncated;
  if (countOf(at) === 0) return Fault.None;
  const fault = peekFirstTime(at, length);
  if (fault) return fault;
  if (decodedTime <= seenTime) return Fault.Order;
  if (heldEnd > held && decodedTime <= heldTime) return addOverlapping(at, length);
  runLanes(held, heldEnd);
  heldEnd = held;
  const failure = decodeChunk(at, length, held);
  if (failure) return failure;
  heldEnd = decodedEnd;
  heldTime = decodedTime;
  return Fault.None;
}

/** Entries before the chunk are final. The others are merged with the chunk. */
function addOverlapping(at: usize, length: usize): Fault {
  let from = held;
  while (lastTimeOf(entryAt(from)) < decodedTime) from += entryBytes;
  runLanes(held, from);
  const fault = decodeChunk(at, length, overlapping);
  if (fault) return fault;
  if (!mergeEntries(from, heldEnd, overlapping, decodedEnd, merged)) return Fault.Overlap;
  const free = held;
  held = merged;
  merged = free;
  heldEnd = mergedEnd;
  heldTime = max(heldTime, decodedTime);
  return Fault.None;
}

function runLanes(from: usize, to: usize): void {
  if (from === to) return;
  seenTime = lastTimeOf(entryAt(to - entryBytes));
  for (let at = lanes; at < laneEnd; at += laneBytes) {
    const lane = changetype<Lane>(at);
    if (lane.kind === LaneKind.Gauge) runGauge(lane, from, to);
    else if (lane.kind === LaneKind.Counter) runCounter(lane, from, to);
    else runInstant(lane, from, to);
  }
}

export let firstFilled: i32 = 0;
export let endFilled: i32 = 0;

/** Ends the series and writes its last windows. All rows with a value are in [firstFilled, endFilled). */
export function close(): void {
  runLanes(held, heldEnd);
  firstFilled = i32.MAX_VALUE;
  endFilled = 0;
  for (let at = lanes; at < laneEnd; at += laneBytes) {
    const lane = changetype<Lane>(at);
    if (lane.row < lane.rows) closeLane(lane);
    firstFilled = min(firstFilled, lane.firstFilled);
    endFilled = max(endFilled, lane.endFilled);
  }
  firstFilled = min(firstFilled, endFilled);
  markDirty(firstFilled, endFilled);
}

function closeLane(lane: Lane): void {
  // A time after the end of the grid: closes all remaining windows.
  const end = lane.endMs + i64(lane.rows) * lane.strideMs + 1;
  if (lane.kind === LaneKind.Gauge) closeGauge(lane, end);
  else if (lane.kind === LaneKind.Counter) closeCounter(lane, end);
  else passInstants(lane, end);
}
