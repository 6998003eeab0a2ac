import type { Intervals } from './intervals.js';
import type { Model } from './models.js';
import { largest, type Percentiles, percentilesOf } from './percentiles.js';

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
