
/**
 * One decoded item of a series, in time order: a sample (`count` 1), a run of equal values at equal intervals (`count` > 1, `deltaMs`
 * apart, the first at `timeMs`) or a stale marker (`count` 0). Runs make constant series (requests, limits, info) cheap.
 */
@unmanaged
export class Entry {
  timeMs: i64;
  value: f64;
  count: u32;
  deltaMs: u32;
}

export const entryBytes: usize = offsetof<Entry>();

/** Maximum entries of a list. A chunk has at most 65,535. */
export const maxEntries: usize = 131072;

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

export function lastTimeOf(entry: Entry): i64 {
  return entry.count > 1 ? entry.timeMs + i64(entry.count - 1) * i64(entry.deltaMs) : entry.timeMs;
}

export let mergedEnd: usize = 0;

/** Time of the entry's sample number `index`. */
function timeOf(entry: Entry, index: u32): i64 {
  return entry.timeMs + i64(index) * i64(entry.deltaMs);
}

/**
 * Merges two lists by time into `out`, sample by sample. Of two samples with the same time it keeps the first list's. Sets `mergedEnd` to
 * the end of the merged list. Returns false if the list is full.
 */
export function mergeEntries(first: usize, firstEnd: usize, second: usize, secondEnd: usize, out: usize): bool {
  const full = out + maxEntries * entryBytes;
  let firstIndex: u32 = 0;
  let secondIndex: u32 = 0;
  while (first < firstEnd || second < secondEnd) {
    const firstEntry = entryAt(first);
    const secondEntry = entryAt(second);
    const firstTime = first < firstEnd ? timeOf(firstEntry, firstIndex) : i64.MAX_VALUE;
    const secondTime = second < secondEnd ? timeOf(secondEntry, secondIndex) : i64.MAX_VALUE;
    if (out === full) return false;
    const chosen = firstTime <= secondTime ? firstEntry : secondEntry;
    storeEntry(out, min(firstTime, secondTime), chosen.value, min(chosen.count, 1), 0);
    out += entryBytes;
    if (firstTime <= secondTime && ++firstIndex >= firstEntry.count) {
      first += entryBytes;
      firstIndex = 0;
    }
    if (secondTime <= firstTime && ++secondIndex >= secondEntry.count) {
      second += entryBytes;
      secondIndex = 0;
    }
  }
  mergedEnd = out;
  return true;
}
