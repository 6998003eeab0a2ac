/** Buckets of a selection: few enough to cost nothing themselves, enough that one holds few of a day's 96 values. */
const buckets = 64;

/** Where each bucket begins among the laid out values; reused, since selections are many and never overlap. */
const starts = new Int32Array(buckets + 1);
let laidOut = new Float64Array(2048);

/**
 * The values that sorting `values[from]` to before `values[end]` would put at `ranks` (0 = smallest). `values` stay as they are and must hold no NaN.
 * They are laid out in equal buckets between least and largest, and only the bucket of a rank is put in order as far as needed: unlike sorting this
 * hardly ever guesses wrong which way a comparison goes, which is what sorting spends its time on.
 */
export function selectRanked(values: Float64Array, from: number, end: number, ranks: readonly number[]): number[] {
  if (laidOut.length < end - from) laidOut = new Float64Array(2 * (end - from));
  layOut(values, from, end);
  return ranks.map((rank) => {
    let bucket = 0;
    while (starts[bucket + 1]! <= rank) bucket++;
    return partition(laidOut, rank, starts[bucket]!, starts[bucket + 1]! - 1);
  });
}

function layOut(values: Float64Array, from: number, end: number): void {
  let least = values[from]!;
  let largest = least;
  for (let at = from + 1; at < end; at++) {
    if (values[at]! < least) least = values[at]!;
    else if (values[at]! > largest) largest = values[at]!;
  }
  // Values never fall while their buckets rise: subtracting and multiplying keep the order. All equal, or too near for a scale: one bucket.
  const perBucket = (buckets - 1) / (largest - least);
  const scale = Number.isFinite(perBucket) ? perBucket : 0;
  starts.fill(0);
  for (let at = from; at < end; at++) starts[((values[at]! - least) * scale) | 0]!++;
  for (let bucket = 0, next = 0; bucket <= buckets; bucket++) {
    next += starts[bucket]!;
    starts[bucket] = next;
  }
  // Each bucket is filled from its end, which leaves its start behind.
  for (let at = from; at < end; at++) laidOut[--starts[((values[at]! - least) * scale) | 0]!] = values[at]!;
}

/** Hoare's quickselect between two places: reorders until the value of the rank stands at its place. */
function partition(values: Float64Array, rank: number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const pivot = medianOfThree(values[low]!, values[(low + high) >> 1]!, values[high]!);
    let left = low;
    let right = high;
    while (left <= right) {
      while (values[left]! < pivot) left++;
      while (values[right]! > pivot) right--;
      if (left > right) break;
      const moved = values[left]!;
      values[left++] = values[right]!;
      values[right--] = moved;
    }
    if (rank <= right) high = right;
    else if (rank >= left) low = left;
    else break;
  }
  return values[rank]!;
}

/** Keeps rising and falling lists, which usage often is, from being the worst case. */
function medianOfThree(one: number, two: number, three: number): number {
  return Math.max(Math.min(one, two), Math.min(Math.max(one, two), three));
}
