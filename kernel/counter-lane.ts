import { entryAt, entryBytes } from './entries';
import { emptyWindow, Lane, nextWindow, noteFilled, put, samplesUpTo, skipTo } from './lane';

/** Processes the entries in [at, to) for rate, increase and irate. */
export function runCounter(lane: Lane, at: usize, to: usize): void {
  let entry = entryAt(at);
  let time = entry.timeMs;
  let left = i64(entry.count);
  while (lane.row < lane.rows) {
    const end = lane.endMs;
    const low = end - lane.widthMs;
    let count = lane.count;
    let resets = lane.resets;
    let lastTime = lane.lastTime;
    let lastValue = lane.lastValue;
    let previousTime = lane.previousTime;
    let previousValue = lane.previousValue;

    while (at < to && time <= end) {
      let taken = left;
      if (time >= low && left > 0) {
        const value = entry.value;
        if (count === 0) {
          lane.firstTime = time;
          lane.firstValue = value;
        } else if (value < lastValue) resets += lastValue;
        previousTime = lastTime;
        previousValue = lastValue;
        lastTime = time;
        lastValue = value;
        if (left > 1) {
          const delta = i64(entry.deltaMs);
          taken = min(left, samplesUpTo(time, end, delta));
          time += taken * delta;
          if (taken > 1) {
            lastTime = time - delta;
            previousTime = lastTime - delta;
            previousValue = value;
          }
        }
        count += taken;
      } else if (left > 1) {
        taken = min(left, samplesUpTo(time, low - 1, i64(entry.deltaMs)));
        time += taken * i64(entry.deltaMs);
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
    lane.resets = resets;
    lane.lastTime = lastTime;
    lane.lastValue = lastValue;
    lane.previousTime = previousTime;
    lane.previousValue = previousValue;
    if (at >= to) return;
    closeCounter(lane, time);
  }
}

/** Writes the window and advances to the lane's first window that ends at `timeMs` or later. */
export function closeCounter(lane: Lane, timeMs: i64): void {
  writeCounter(lane);
  const isCarried = lane.isShared && lane.count > 0 && lane.lastTime === lane.endMs;
  emptyWindow(lane);
  nextWindow(lane);
  if (isCarried && lane.row < lane.rows) {
    lane.count = 1;
    lane.firstTime = lane.lastTime;
    lane.firstValue = lane.lastValue;
    if (timeMs <= lane.endMs) return;
    emptyWindow(lane);
  }
  skipTo(lane, timeMs);
}

function writeCounter(lane: Lane): void {
  if (lane.count < 2) return;
  const increase = extrapolatedIncrease(lane);
  put(lane, lane.column0, increase / (f64(lane.rangeMs) / 1000));
  put(lane, lane.column1, increase);
  const last = lane.lastValue;
  const gained = last < lane.previousValue ? last : last - lane.previousValue;
  put(lane, lane.column2, gained / (f64(lane.lastTime - lane.previousTime) / 1000));
  noteFilled(lane);
}

/** Prometheus' extrapolatedRate (promql/functions.go) for counters, before the division by the range. */
function extrapolatedIncrease(lane: Lane): f64 {
  const gained = lane.lastValue - lane.firstValue + lane.resets;
  const sampled = f64(lane.lastTime - lane.firstTime) / 1000;
  const average = sampled / f64(lane.count - 1);
  const threshold = average * 1.1;
  let toStart = f64(lane.firstTime - (lane.endMs - lane.rangeMs)) / 1000;
  let toEnd = f64(lane.endMs - lane.lastTime) / 1000;
  const toZero = gained > 0 && lane.firstValue >= 0 ? sampled * (lane.firstValue / gained) : Infinity;
  if (lane.isZeroFirst && toZero < toStart) toStart = toZero;
  if (toStart >= threshold) toStart = average / 2;
  if (!lane.isZeroFirst && toZero < toStart) toStart = toZero;
  if (toEnd >= threshold) toEnd = average / 2;
  return gained * ((sampled + toStart + toEnd) / sampled);
}
