import type { Intervals } from './intervals.js';
import type { NotificationCode } from './notifications.js';
import type { Model } from './settings.js';

/** Usage of one term, the source of all models' percentiles. CPU in cores, memory in bytes, accelerators in percent. */
export interface TermUsage {
  readonly cpuPeaks: Percentiles;
  readonly memoryPeaks: Percentiles;
  readonly memorySpikes: Percentiles;
  readonly podsCount: number;
  /** `cores` / `bytes`, or '' if the term has no usage sample. */
  readonly cpuFormat: string;
  readonly memoryFormat: string;
  /** Samples above 0. */
  readonly acceleratorCore: Float64Array;
  readonly acceleratorMemory: Float64Array;
}

/** Usage of the intervals from index `first` to the last, for these models. */
export function usageOfTerm(intervals: Intervals, first: number, models: readonly Model[]): TermUsage {
  const cpuPercentiles = models.map(({ cpuPercentile }) => cpuPercentile);
  return {
    cpuPeaks: percentilesOf(intervals.cpuPeaks, first, cpuPercentiles),
    memoryPeaks: percentilesOf(intervals.memoryPeaks, first),
    memorySpikes: percentilesOf(intervals.memorySpikes, first),
    podsCount: largest(intervals.pods, first),
    cpuFormat: formatOf(intervals.hasCpu, 'cores', first),
    memoryFormat: formatOf(intervals.hasMemory, 'bytes', first),
    acceleratorCore: intervals.acceleratorCore.subarray(first).filter((percent) => percent > 0),
    acceleratorMemory: intervals.acceleratorMemory.subarray(first).filter((percent) => percent > 0),
  };
}

/** The metric's format if any interval from `first` to before `end` has a sample of it, otherwise ''. */
export function formatOf(sampled: Uint8Array, format: string, first: number, end = sampled.length): string {
  const found = sampled.indexOf(1, first);
  return found >= 0 && found < end ? format : '';
}

/** Index of the first interval whose time (Unix milliseconds) fulfils `isInside`, by binary search: all later ones must fulfil it too. */
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

/** A recommended amount, or the notification that explains why there is none. */
export type Sized = { readonly amount: number; readonly format: string } | { readonly notice: NotificationCode };

export const oneCore = 1.0;
const idleCores = 0.001;
const usageBuffer = 0.2;
const spikeBuffer = 0.05;

/** Recommended cores: the percentile of the peaks, or their maximum if it is below one core. As in Kruize's GenericRecommendationModel. */
export function sizeCpu(usage: TermUsage, model: Model): Sized {
  const { maximum } = usage.cpuPeaks;
  const cores = maximum < oneCore ? maximum : usage.cpuPeaks.at(model.cpuPercentile);
  if (cores === 0) return { notice: 323002 };
  if (cores <= idleCores) return { notice: 323001 };
  return { amount: cores, format: usage.cpuFormat };
}

/**
 * Recommended bytes: the percentile of the peaks plus 20 %, or plus the percentile of the spikes and 5 % of it, whichever is less. As in
 * Kruize's GenericRecommendationModel.
 */
export function sizeMemory(usage: TermUsage, model: Model): Sized {
  const { withBuffer, withSpike } = memoryBounds(usage, model);
  const bytes = Math.min(withBuffer, withSpike);
  // Kruize compares with 0 only. No exporter sends negative bytes, and they cannot be recommended either.
  return bytes <= 0 ? { notice: 324001 } : { amount: bytes, format: usage.memoryFormat };
}

/** The two candidates for the recommended bytes and the percentiles behind them. The smaller candidate is recommended. */
export function memoryBounds(usage: TermUsage, { memoryPercentile }: Model) {
  const peak = usage.memoryPeaks.at(memoryPercentile);
  const spike = usage.memorySpikes.at(memoryPercentile);
  return { peak, spike, withBuffer: peak + peak * usageBuffer, withSpike: peak + (spike + spike * spikeBuffer) };
}

/** Percentiles of a list of numbers. */
export interface Percentiles {
  readonly maximum: number;
  /** Nearest rank on n - 1 without interpolation, as in Kruize. `percentile` is 0 to 100. 0 for an empty list. */
  at(percentile: number): number;
}

/**
 * Percentiles of the values from index `first` on; does not change `values`. The first call for one of the `expected` percentiles selects
 * all of them in one pass.
 */
export function percentilesOf(values: Float64Array, first = 0, expected: readonly number[] = []): Percentiles {
  const count = values.length - first;
  const maximum = largest(values, first);
  const selected = new Map<number, number>();
  const select = (percentiles: readonly number[]) => {
    const ranks = percentiles.map((percentile) => rankOf(percentile, count));
    const found = selectRanked(values, first, values.length, ranks);
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

/** Index of a percentile in a sorted list of `count` values. Rounds halves up, as Java's `Math.round` does. */
export function rankOf(percentile: number, count: number): number {
  return Math.round((percentile / 100.0) * (count - 1));
}

/** Largest of the values from index `first` on; 0 if there are none. */
export function largest(values: Float64Array, first = 0): number {
  let found = first < values.length ? values[first]! : 0;
  for (let at = first; at < values.length; at++) if (values[at]! > found) found = values[at]!;
  return found;
}

/** Buckets per selection: cheap to keep, and each holds only a few of a day's 96 values. */
const buckets = 64;

/** Start of each bucket in `bucketed`. Both arrays are reused by all selections, which never overlap. */
const starts = new Int32Array(buckets + 1);
let bucketed = new Float64Array(2048);

/**
 * Returns the values at `ranks` (0 = smallest) of the sorted `values[from]` to before `values[end]`. Does not change `values`, which must
 * hold no NaN. Distributes the values over buckets of equal width between minimum and maximum, then orders only the bucket of each rank as
 * far as needed. Faster than sorting: the processor mispredicts hardly any comparison.
 */
export function selectRanked(values: Float64Array, from: number, end: number, ranks: readonly number[]): number[] {
  if (bucketed.length < end - from) bucketed = new Float64Array(2 * (end - from));
  fillBuckets(values, from, end);
  return ranks.map((rank) => {
    let bucket = 0;
    while (starts[bucket + 1]! <= rank) bucket++;
    return partition(bucketed, rank, starts[bucket]!, starts[bucket + 1]! - 1);
  });
}

function fillBuckets(values: Float64Array, from: number, end: number): void {
  let min = values[from]!;
  let max = min;
  for (let at = from + 1; at < end; at++) {
    if (values[at]! < min) min = values[at]!;
    else if (values[at]! > max) max = values[at]!;
  }
  // Subtraction and multiplication keep the order, so a larger value never gets a lower bucket. Values too close for a scale share one
  // bucket.
  const perBucket = (buckets - 1) / (max - min);
  const scale = Number.isFinite(perBucket) ? perBucket : 0;
  starts.fill(0);
  for (let at = from; at < end; at++) starts[((values[at]! - min) * scale) | 0]!++;
  for (let bucket = 0, next = 0; bucket <= buckets; bucket++) {
    next += starts[bucket]!;
    starts[bucket] = next;
  }
  // Fills each bucket from its end, so that `starts` holds the buckets' starts afterwards.
  for (let at = from; at < end; at++) bucketed[--starts[((values[at]! - min) * scale) | 0]!] = values[at]!;
}

/** Hoare's quickselect: reorders `values[from]` to `values[to]` until the value of the rank is at its index. */
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

/** Avoids the worst case for ascending and descending lists, which are common in usage. */
function medianOfThree(one: number, two: number, three: number): number {
  return Math.max(Math.min(one, two), Math.min(Math.max(one, two), three));
}
