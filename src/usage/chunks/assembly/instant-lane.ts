import { entryAt, entryBytes, lastTimeOf } from './entry';
import { Lane, noteFilled, put, skipWindows } from './lane';

/** A bare selector: at each instant the latest sample within the look-back. A stale marker is a NaN, which is how no value is written. */
export function runInstant(lane: Lane, at: usize, to: usize): void {
  for (; at < to; at += entryBytes) {
    const entry = entryAt(at);
    const lastTime = lastTimeOf(entry);
    const time = entry.timeMs;
    // Instants before the entry see the one before; those within a run see one of the run.
    if (time > lane.endMs) passInstants(lane, time);
    lane.lastValue = entry.value;
    while (lane.endMs < lastTime && lane.row < lane.rows) {
      lane.lastTime = lane.endMs - ((lane.endMs - time) % i64(entry.deltaMs));
      passInstants(lane, lane.endMs + 1);
    }
    lane.lastTime = lastTime;
    if (lane.row >= lane.rows) return;
  }
}

/** Answers the instants before `timeMs` with what was seen last. */
export function passInstants(lane: Lane, timeMs: i64): void {
  while (lane.row < lane.rows && lane.endMs < timeMs) {
    if (lane.lastTime >= lane.endMs - lane.widthMs) {
      put(lane, lane.column0, lane.lastValue);
      noteFilled(lane);
    }
    skipWindows(lane, 1);
  }
}
