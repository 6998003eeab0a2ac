/**
 * One decoded thing of a series, in time order: a sample (`count` 1), a run of equal values at equal distances (`count` > 1, `deltaMs` apart,
 * the first at `timeMs`) or a stale marker (`count` 0). Runs are what makes constant series (requests, limits, info) cheap.
 */
@unmanaged
export class Entry {
  timeMs: i64;
  value: f64;
  count: u32;
  deltaMs: u32;
}

export const entryBytes: usize = offsetof<Entry>();

/** Most entries that are held back at a time; a chunk has at most 65,535. */
export const mostEntries: usize = 131072;

export function entryAt(at: usize): Entry {
  return changetype<Entry>(at);
}

export function storeEntry(at: usize, timeMs: i64, value: f64, count: u32, deltaMs: u32): void {
  const entry = entryAt(at);
  entry.timeMs = timeMs;
  entry.value = value;
  entry.count = count;
  entry.deltaMs = deltaMs;
}

/** Time of an entry's last sample. */
export function lastTimeOf(entry: Entry): i64 {
  return entry.count > 1 ? entry.timeMs + i64(entry.count - 1) * i64(entry.deltaMs) : entry.timeMs;
}
