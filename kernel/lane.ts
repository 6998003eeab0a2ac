import { entryAt, entryBytes, lastTimeOf } from './entries';

export enum LaneKind {
  Gauge = 0,
  Counter = 1,
  Instant = 2,
}

/**
 * One pass over a series. The windows of a lane do not overlap; each ends `strideMs` after the one before. Overlapping windows are
 * distributed over several lanes (src/remote-read/plan-lanes.ts). The first part of the fields is the plan, the second the state between
 * two batches of entries.
 */
@unmanaged
export class Lane {
  kind: LaneKind;
  /** Rows from one window of the lane to the next, and the number of rows of the grid. */
  rowStep: i32;
  rows: i32;
  firstRow: i32;
  firstEndMs: i64;
  strideMs: i64;
  rangeMs: i64;
  /** The window that ends at E starts at E - widthMs: the range, or a millisecond less if windows are left-open. */
  widthMs: i64;
  /** A sample at the end of a window is also the first of the lane's next window: windows are closed and adjacent. */
  isShared: i32;
  /** Whether extrapolation is limited to the zero point before the threshold applies, as in older Prometheus (see `Grid.extrapolation`). */
  isZeroFirst: i32;
  /** Addresses of the columns for the results, in the order of src/remote-read/plan-lanes.ts; 0 = not requested. */
  column0: usize;
  column1: usize;
  column2: usize;
  column3: usize;
  column4: usize;
  column5: usize;

  row: i32;
  endMs: i64;
  count: i64;
  firstTime: i64;
  firstValue: f64;
  lastTime: i64;
  lastValue: f64;
  sum: f64;
  sumRest: f64;
  min: f64;
  max: f64;
  resets: f64;
  previousTime: i64;
  previousValue: f64;
  /** All rows with a value are in [firstFilled, endFilled). */
  firstFilled: i32;
  endFilled: i32;
}

export const laneBytes: usize = offsetof<Lane>();

/** Prepares the lane for another series. */
export function resetLane(lane: Lane): void {
  lane.row = lane.firstRow;
  lane.endMs = lane.firstEndMs;
  lane.firstFilled = i32.MAX_VALUE;
  lane.endFilled = 0;
  lane.lastTime = i64.MIN_VALUE;
  emptyWindow(lane);
}

export function emptyWindow(lane: Lane): void {
  lane.count = 0;
  lane.sum = 0;
  lane.sumRest = 0;
  lane.min = Infinity;
  lane.max = -Infinity;
  lane.resets = 0;
}

export function put(lane: Lane, column: usize, value: f64): void {
  if (column) store<f64>(column + (usize(lane.row) << 3), value);
}

export function noteFilled(lane: Lane): void {
  if (lane.row < lane.firstFilled) lane.firstFilled = lane.row;
  lane.endFilled = lane.row + 1;
}

/** Advances by one window. */
export function nextWindow(lane: Lane): void {
  lane.row += lane.rowStep;
  lane.endMs += lane.strideMs;
}

/** Skips windows without samples: advances to the one that ends at `timeMs` or later, or to the end of the grid. */
export function skipTo(lane: Lane, timeMs: i64): void {
  if (timeMs <= lane.endMs || lane.row >= lane.rows) return;
  const left = i64((lane.rows - lane.row + lane.rowStep - 1) / lane.rowStep);
  const windows = min(left, (timeMs - lane.endMs + lane.strideMs - 1) / lane.strideMs);
  lane.row += i32(windows) * lane.rowStep;
  lane.endMs += windows * lane.strideMs;
}

/**
 * Number of a run's samples, `deltaMs` apart, between two times, both included. Divides floats, because integers take three times as long.
 */
export function samplesUpTo(timeMs: i64, untilMs: i64, deltaMs: i64): i64 {
  return i64(f64(untilMs - timeMs) / f64(deltaMs)) + 1;
}

/** A bare selector: takes the latest sample within the look-back at each instant. A stale marker is a NaN and so means no value. */
export function runInstant(lane: Lane, at: usize, to: usize): void {
  for (; at < to; at += entryBytes) {
    const entry = entryAt(at);
    const lastTime = lastTimeOf(entry);
    const time = entry.timeMs;
    // Instants before the entry take the previous entry. Instants within a run take a sample of the run.
    if (time > lane.endMs) passInstants(lane, time);
    lane.lastValue = entry.value;
    if (lane.endMs < lastTime && lane.row < lane.rows) passRun(lane, time, lastTime, i64(entry.deltaMs));
    lane.lastTime = lastTime;
    if (lane.row >= lane.rows) return;
  }
}

/** Writes the instants within a run, before its last sample. */
function passRun(lane: Lane, time: i64, lastTime: i64, delta: i64): void {
  while (lane.endMs < lastTime && lane.row < lane.rows) {
    lane.lastTime = time + (samplesUpTo(time, lane.endMs, delta) - 1) * delta;
    passInstants(lane, lane.endMs + 1);
  }
}

/** Writes the last value to the instants before `timeMs`. */
export function passInstants(lane: Lane, timeMs: i64): void {
  while (lane.row < lane.rows && lane.endMs < timeMs) {
    if (lane.lastTime >= lane.endMs - lane.widthMs) {
      put(lane, lane.column0, lane.lastValue);
      noteFilled(lane);
    }
    nextWindow(lane);
  }
}
