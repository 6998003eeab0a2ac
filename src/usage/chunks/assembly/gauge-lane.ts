import { entryAt, entryBytes } from './entry';
import { emptyWindow, Lane, noteFilled, put, skipTo, skipWindows } from './lane';

/** avg, min, max, sum, count and last_over_time: goes over the entries in [at, to). */
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
    let least = lane.min;
    let greatest = lane.max;
    let lastTime = lane.lastTime;
    let lastValue = lane.lastValue;

    while (at < to && time <= end) {
      const delta = i64(entry.deltaMs);
      let taken = left;
      if (time < low) {
        if (left > 1) taken = min(left, (low - time + delta - 1) / delta);
      } else if (left > 0) {
        if (left > 1) taken = min(left, (end - time) / delta + 1);
        const value = entry.value;
        const added = taken === 1 ? value : value * f64(taken);
        // Neumaier's compensated sum, as kahanSumInc of promql/functions.go.
        const total = sum + added;
        rest += abs(sum) >= abs(added) ? sum - total + added : added - total + sum;
        sum = total;
        if (value < least) least = value;
        if (value > greatest) greatest = value;
        count += taken;
        lastTime = time + (taken - 1) * delta;
        lastValue = value;
      }
      left -= taken;
      time += taken * delta;
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
    lane.min = least;
    lane.max = greatest;
    lane.lastTime = lastTime;
    lane.lastValue = lastValue;
    if (at >= to) return;
    closeGauge(lane, time);
  }
}

/** Writes the window and goes on to the one that `timeMs` is in, or the next of the lane after it. */
export function closeGauge(lane: Lane, timeMs: i64): void {
  writeGauge(lane);
  const isCarried = lane.isShared && lane.count > 0 && lane.lastTime === lane.endMs;
  emptyWindow(lane);
  skipWindows(lane, 1);
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
  // An infinite sum has no meaningful rest.
  const sum = abs(lane.sum) === Infinity ? lane.sum : lane.sum + lane.sumRest;
  // PromQL's minimum and maximum pass over NaN unless there is nothing else.
  const hasNumber = lane.min <= lane.max;
  put(lane, lane.column0, sum / f64(count));
  put(lane, lane.column1, hasNumber ? lane.min : NaN);
  put(lane, lane.column2, hasNumber ? lane.max : NaN);
  put(lane, lane.column3, sum);
  put(lane, lane.column4, f64(count));
  put(lane, lane.column5, lane.lastValue);
  noteFilled(lane);
}
