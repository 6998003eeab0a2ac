/**
 * What the models and plots need of each interval, oldest first; one number an interval in each list, all of them finite.
 * CPU in cores, memory in bytes, per pod for a container and for the whole namespace for a namespace.
 */
export interface Intervals {
  readonly count: number;
  /** End of each interval, Unix seconds, rising. */
  readonly times: Float64Array;
  readonly cpuPeaks: Float64Array;
  readonly cpuFloors: Float64Array;
  readonly memoryPeaks: Float64Array;
  readonly memoryFloors: Float64Array;
  readonly memorySpikes: Float64Array;
  /** Number of pods, whole. */
  readonly pods: Float64Array;
  /** 1 where the usage metric has any sample. */
  readonly hasCpu: Uint8Array;
  readonly hasMemory: Uint8Array;
  /** Percent of the GPU, 0 = no sample; empty without a GPU. */
  readonly acceleratorCore: Float64Array;
  readonly acceleratorMemory: Float64Array;
}

export type CpuLists = 'cpuPeaks' | 'cpuFloors';
export type MemoryLists = 'memoryPeaks' | 'memoryFloors' | 'memorySpikes';
export type AcceleratorLists = 'acceleratorCore' | 'acceleratorMemory';

export const noAccelerator: Pick<Intervals, AcceleratorLists> = {
  acceleratorCore: new Float64Array(0),
  acceleratorMemory: new Float64Array(0),
};

/** Smallest of the numbers above 0, else 0. The one that most often is the smallest goes last: it is looked at first. */
export function smallestPositive(one: number, two: number, three: number): number {
  let smallest = three > 0 ? three : Infinity;
  if (two > 0 && two < smallest) smallest = two;
  if (one > 0 && one < smallest) smallest = one;
  return smallest === Infinity ? 0 : smallest;
}

/** How much memory rose inside an interval, whole bytes (recommendations.md 5.4). */
export function spikeOf(usageMax: number, usageMin: number, rssMax: number, rssMin: number): number {
  return Math.max(Math.ceil(usageMax - usageMin), Math.ceil(rssMax - rssMin));
}
