import { Entry, entryAt, entryBytes, mostEntries, storeEntry } from './entry';

export let mergedEnd: usize = 0;

/** Time of the entry's sample number `index`. */
function timeOf(entry: Entry, index: u32): i64 {
  return entry.timeMs + i64(index) * i64(entry.deltaMs);
}

/**
 * Merges two lists by time into `out`, sample by sample; of two samples at one time the first list's is kept. False = more than the list holds.
 * `mergedEnd` is where the merged list ends.
 */
export function mergeEntries(first: usize, firstEnd: usize, second: usize, secondEnd: usize, out: usize): bool {
  const full = out + mostEntries * entryBytes;
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
