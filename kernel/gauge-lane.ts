import { entryAt, entryBytes } from './entries';
import { emptyWindow, Lane, nextWindow, noteFilled, put, samplesUpTo, skipTo } from './lane';

/** Updates minimum and negated maximum in one instruction without a branch. It ignores NaN, as PromQL does. */
function withValue(extremes: v128, value: f64): v128 {
  return f64x2.pmin(extremes, f64x2.replace_lane(f64x2.splat(value), 1, -value));
}

/** Processes the entries in [at, to) for avg, min, max, sum, count and last_over_time. */
export function runGauge(lane: Lane, at: usize, to: usize): void {
  let entry = entryAt(at);
  let time = entry.timeMs;
  let left = i64(entry.count);
  while (lane.row < lane.rows) {
    const end = lane.endMs;
    const low = end - lane.widthMs;
    let count = lane.count;
    let sum = lane.sum;
    let rest = lane.sumRest;
    let extremes = f64x2.replace_lane(f64x2.splat(lane.min), 1, -lane.max);
    let lastTime = lane.lastTime;
    let lastValue = lane.lastValue;

    while (at < to && time <= end) {
      let taken = left;
      if (left === 1) {
        if (time >= low) {
          lastValue = entry.value;
          lastTime = time;
          count++;
          // The exact sum is total + rest (Knuth's TwoSum): as exact as Prometheus' kahanSumInc (promql/functions.go), without a branch.
          const total = sum + lastValue;
          const seen = total - sum;
          rest += sum - (total - seen) + (lastValue - seen);
          sum = total;
          extremes = withValue(extremes, lastValue);
        }
      } else if (left > 1) {
        const delta = i64(entry.deltaMs);
        if (time < low) taken = min(left, samplesUpTo(time, low - 1, delta));
        else {
          taken = min(left, samplesUpTo(time, end, delta));
          lastValue = entry.value;
          lastTime = time + (taken - 1) * delta;
          count += taken;
          const added = lastValue * f64(taken);
          const total = sum + added;
          const seen = total - sum;
          rest += sum - (total - seen) + (added - seen);
          sum = total;
          extremes = withValue(extremes, lastValue);
        }
        time += taken * delta;
      }
      left -= taken;
      if (left === 0) {
        at += entryBytes;
        entry = entryAt(at);
        time = entry.timeMs;
        left = i64(entry.count);
      }
    }

    lane.count = count;
    lane.sum = sum;
    lane.sumRest = rest;
    lane.min = f64x2.extract_lane(extremes, 0);
    lane.max = -f64x2.extract_lane(extremes, 1);
    lane.lastTime = lastTime;
    lane.lastValue = lastValue;
    if (at >= to) return;
    closeGauge(lane, time);
  }
}

/** Writes the window and advances to the lane's first window that ends at `timeMs` or later. */
export function closeGauge(lane: Lane, timeMs: i64): void {
  writeGauge(lane);
  const isCarried = lane.isShared && lane.count > 0 && lane.lastTime === lane.endMs;
  emptyWindow(lane);
  nextWindow(lane);
  if (isCarried && lane.row < lane.rows) {
    const value = lane.lastValue;
    lane.count = 1;
    lane.sum = value;
    if (value < lane.min) lane.min = value;
    if (value > lane.max) lane.max = value;
    if (timeMs <= lane.endMs) return;
    writeGauge(lane);
    emptyWindow(lane);
  }
  skipTo(lane, timeMs);
}

function writeGauge(lane: Lane): void {
  const count = lane.count;
  if (count === 0) return;
  // The rest of an infinite sum is meaningless.
  const sum = abs(lane.sum) === Infinity ? lane.sum : lane.sum + lane.sumRest;
  // PromQL's minimum and maximum ignore NaN unless all values are NaN.
  const hasNumber = lane.min <= lane.max;
  put(lane, lane.column0, sum / f64(count));
  put(lane, lane.column1, hasNumber ? lane.min : NaN);
  put(lane, lane.column2, hasNumber ? lane.max : NaN);
  put(lane, lane.column3, sum);
  put(lane, lane.column4, f64(count));
  put(lane, lane.column5, lane.lastValue);
  noteFilled(lane);
}
