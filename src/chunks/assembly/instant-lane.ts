import { entryAt, entryBytes, lastTimeOf } from './entry';
import { Lane, nextWindow, noteFilled, put, samplesUpTo } from './lane';

/** A bare selector: at each instant the latest sample within the look-back. A stale marker is a NaN, which is how no value is written. */
export function runInstant(lane: Lane, at: usize, to: usize): void {
  for (; at < to; at += entryBytes) {
    const entry = entryAt(at);
    const lastTime = lastTimeOf(entry);
    const time = entry.timeMs;
    // Instants before the entry see the one before; those within a run see one of the run.
    if (time > lane.endMs) passInstants(lane, time);
    lane.lastValue = entry.value;
    if (lane.endMs < lastTime && lane.row < lane.rows) passRun(lane, time, lastTime, i64(entry.deltaMs));
    lane.lastTime = lastTime;
    if (lane.row >= lane.rows) return;
  }
}

/** Answers the instants within a run, before its last sample. */
function passRun(lane: Lane, time: i64, lastTime: i64, delta: i64): void {
  while (lane.endMs < lastTime && lane.row < lane.rows) {
    lane.lastTime = time + (samplesUpTo(time, lane.endMs, delta) - 1) * delta;
    passInstants(lane, lane.endMs + 1);
  }
}

/** Answers the instants before `timeMs` with what was seen last. */
export function passInstants(lane: Lane, timeMs: i64): void {
  while (lane.row < lane.rows && lane.endMs < timeMs) {
    if (lane.lastTime >= lane.endMs - lane.widthMs) {
      put(lane, lane.column0, lane.lastValue);
      noteFilled(lane);
    }
    nextWindow(lane);
  }
}
