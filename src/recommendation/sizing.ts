import type { Intervals } from './intervals.js';
import type { NotificationCode } from './notifications.js';
import type { Model } from './settings.js';

/** Usage of one term, from which every model takes its percentiles. CPU in cores, memory in bytes, accelerators in percent. */
export interface TermUsage {
  readonly cpuPeaks: Percentiles;
  readonly memoryPeaks: Percentiles;
  readonly memorySpikes: Percentiles;
  readonly podsCount: number;
  /** `cores` / `bytes`, or '' where the term has no sample of the usage. */
  readonly cpuFormat: string;
  readonly memoryFormat: string;
  /** Samples above 0. */
  readonly acceleratorCore: Float64Array;
  readonly acceleratorMemory: Float64Array;
}

/** Usage of the intervals from the one at `first` to the last, for these models. */
export function usageOfTerm(intervals: Intervals, first: number, models: readonly Model[]): TermUsage {
  return {
    cpuPeaks: percentilesOf(
      intervals.cpuPeaks,
      first,
      models.map(({ cpuPercentile }) => cpuPercentile),
    ),
    memoryPeaks: percentilesOf(intervals.memoryPeaks, first),
    memorySpikes: percentilesOf(intervals.memorySpikes, first),
    podsCount: largest(intervals.pods, first),
    cpuFormat: formatOf(intervals.hasCpu, 'cores', first),
    memoryFormat: formatOf(intervals.hasMemory, 'bytes', first),
    acceleratorCore: intervals.acceleratorCore.subarray(first).filter((percent) => percent > 0),
    acceleratorMemory: intervals.acceleratorMemory.subarray(first).filter((percent) => percent > 0),
  };
}

/** A metric's format is known where any interval, of those from `first` to before `end`, has a sample of it. */
export function formatOf(sampled: Uint8Array, format: string, first: number, end = sampled.length): string {
  const found = sampled.indexOf(1, first);
  return found >= 0 && found < end ? format : '';
}

/** Index of the first interval for which `isInside` of its Unix milliseconds holds; times rise, so everything after it holds too. */
export function firstInterval({ times, count }: Intervals, isInside: (milliseconds: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isInside(times[middle]! * 1000)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A recommended amount, or the notification that says why there is none. */
export type Sized = { readonly amount: number; readonly format: string } | { readonly notice: NotificationCode };

export const oneCore = 1.0;
const idleCores = 0.001;
const usageBuffer = 0.2;
const spikeBuffer = 0.05;

/** Recommended cores: the percentile of the peaks; the maximum where not even that reaches one core (recommendations.md 5.3). */
export function sizeCpu(usage: TermUsage, model: Model): Sized {
  const { maximum } = usage.cpuPeaks;
  const cores = maximum < oneCore ? maximum : usage.cpuPeaks.at(model.cpuPercentile);
  if (cores === 0) return { notice: 323002 };
  if (cores <= idleCores) return { notice: 323001 };
  return { amount: cores, format: usage.cpuFormat };
}

/** Recommended bytes: the percentile of the peaks with a fifth on top, or with the usual spike on top where that is less (recommendations.md 5.5). */
export function sizeMemory(usage: TermUsage, model: Model): Sized {
  const { withBuffer, withSpike } = memoryBounds(usage, model);
  const bytes = Math.min(withBuffer, withSpike);
  // The reference compares with 0 only; negative bytes, which no exporter sends, are as little to recommend.
  return bytes <= 0 ? { notice: 324001 } : { amount: bytes, format: usage.memoryFormat };
}

/** The two amounts of which the smaller is recommended, bytes: A = the peak and a fifth, B = the peak and the spike. */
export function memoryBounds(usage: TermUsage, { memoryPercentile }: Model) {
  const peak = usage.memoryPeaks.at(memoryPercentile);
  const spike = usage.memorySpikes.at(memoryPercentile);
  return { peak, spike, withBuffer: peak + peak * usageBuffer, withSpike: peak + (spike + spike * spikeBuffer) };
}

/** Percentiles of a list of numbers. */
export interface Percentiles {
  readonly maximum: number;
  /** Nearest rank on n - 1, no interpolation (recommendations.md 5.1); `percentile` from 0 to 100. 0 for an empty list. */
  at(percentile: number): number;
}

/** Answers percentiles of the values from `first` on, which stay as they are. Those `expected` are all selected when one of them is first asked. */
export function percentilesOf(values: Float64Array, first = 0, expected: readonly number[] = []): Percentiles {
  const count = values.length - first;
  const maximum = largest(values, first);
  const selected = new Map<number, number>();
  const select = (percentiles: readonly number[]) => {
    const found = selectRanked(
      values,
      first,
      values.length,
      percentiles.map((percentile) => rankOf(percentile, count)),
    );
    for (const [at, percentile] of percentiles.entries()) selected.set(percentile, found[at]!);
  };
  return {
    maximum,
    at(percentile) {
      if (rankOf(percentile, count) >= count - 1) return maximum;
      if (!selected.has(percentile)) select(expected.includes(percentile) ? expected : [percentile]);
      return selected.get(percentile)!;
    },
  };
}

/** Place of a percentile in a sorted list of `count` values, from 0; halves are rounded up, as `Math.round` of Java does. */
export function rankOf(percentile: number, count: number): number {
  return Math.round((percentile / 100.0) * (count - 1));
}

/** Largest of the values from `first` on; 0 where there are none. */
export function largest(values: Float64Array, first = 0): number {
  let found = first < values.length ? values[first]! : 0;
  for (let at = first; at < values.length; at++) if (values[at]! > found) found = values[at]!;
  return found;
}

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
