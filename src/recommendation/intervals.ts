import type { SizedKind } from './settings.js';
import { type ColumnOf, columnsIn, isSample, sampledIn, sampleOrZero, samplesAt, timesOf, type UsageTable } from './usage-table.js';

/** Measures the intervals of an experiment. `rows` are the indices of the table's present rows. */
export function measureIntervals(usage: UsageTable, kind: SizedKind, rows: Int32Array): Intervals {
  return kind === 'container' ? containerIntervals(usage, rows) : namespaceIntervals(usage, rows);
}

/**
 * Usage per interval, oldest first, for models and plots. All arrays have `count` finite numbers. CPU in cores, memory in bytes; per pod
 * for a container, in total for a namespace.
 */
export interface Intervals {
  readonly count: number;
  /** End of each interval, Unix seconds, ascending. */
  readonly times: Float64Array;
  readonly cpuPeaks: Float64Array;
  readonly cpuFloors: Float64Array;
  readonly memoryPeaks: Float64Array;
  readonly memoryFloors: Float64Array;
  readonly memorySpikes: Float64Array;
  /** Number of pods, an integer. */
  readonly pods: Float64Array;
  /** 1 if the usage metric has a sample in the interval. */
  readonly hasCpu: Uint8Array;
  readonly hasMemory: Uint8Array;
  /** Percent of the GPU, 0 = no sample; empty without a GPU. */
  readonly acceleratorCore: Float64Array;
  readonly acceleratorMemory: Float64Array;
}

type CpuLists = Pick<Intervals, 'cpuPeaks' | 'cpuFloors'>;
type MemoryLists = Pick<Intervals, 'memoryPeaks' | 'memoryFloors' | 'memorySpikes'>;

const noAccelerator = { acceleratorCore: new Float64Array(0), acceleratorMemory: new Float64Array(0) };

/** Smallest number above 0, or 0 if there is none. Pass the likeliest minimum last: it is compared first. */
export function smallestPositive(one: number, two: number, three: number): number {
  let smallest = three > 0 ? three : Infinity;
  if (two > 0 && two < smallest) smallest = two;
  if (one > 0 && one < smallest) smallest = one;
  return smallest === Infinity ? 0 : smallest;
}

/** Rise of memory within an interval, whole bytes, as in Kruize's GenericRecommendationModel. */
function spikeOf(usageMax: number, usageMin: number, rssMax: number, rssMin: number): number {
  return Math.max(Math.ceil(usageMax - usageMin), Math.ceil(rssMax - rssMin));
}

/** A quotient of doubles can exceed an integer by its last bits. Without the tolerance 3 pods can become 4, as in Kruize. */
const podTolerance = 1e-6;

/** Intervals of a container, by the rules of Kruize's GenericRecommendationModel. Computed once for all terms, models and plots. */
function containerIntervals(usage: UsageTable, rows: Int32Array): Intervals {
  const columnOf = columnsIn(usage);
  const quotients = podQuotients(columnOf('cpuUsage.sum'), columnOf('cpuUsage.avg'), rows);
  const divisors = podDivisors(quotients, columnOf, rows);
  return {
    count: rows.length,
    times: timesOf(usage, rows),
    ...cpuOf('cpu', columnOf, { usageSum: columnOf('cpuUsage.sum'), throttleSum: columnOf('cpuThrottle.sum'), divisors }, rows),
    ...memoryOf(columnOf, divisors, rows),
    hasCpu: sampledIn(usage, ['cpuUsage.avg', 'cpuUsage.max', 'cpuUsage.min', 'cpuUsage.sum'], rows),
    hasMemory: sampledIn(usage, ['memoryUsage.avg', 'memoryUsage.max', 'memoryUsage.min', 'memoryUsage.sum'], rows),
    pods: podsOf(quotients, columnOf('cpuUsage.avg'), usage.columns['cpuUsage.count'], rows),
    ...(usage.acceleratorModel === undefined
      ? noAccelerator
      : {
          acceleratorCore: samplesAt(columnOf('acceleratorCoreUsage.max'), rows),
          acceleratorMemory: samplesAt(columnOf('acceleratorMemoryUsage.max'), rows),
        }),
  };
}

/** CPU of the metrics with this prefix. The sums are divided to get the usage per pod; divisor 0 = not divided. */
function cpuOf(
  prefix: 'cpu' | 'namespaceCpu',
  columnOf: ColumnOf,
  { usageSum, throttleSum, divisors }: Readonly<Record<'usageSum' | 'throttleSum' | 'divisors', Float64Array>>,
  rows: Int32Array,
): CpuLists {
  const [usageAvg, throttleAvg] = [columnOf(`${prefix}Usage.avg`), columnOf(`${prefix}Throttle.avg`)];
  const [usageMax, throttleMax] = [columnOf(`${prefix}Usage.max`), columnOf(`${prefix}Throttle.max`)];
  const [usageMin, throttleMin] = [columnOf(`${prefix}Usage.min`), columnOf(`${prefix}Throttle.min`)];
  const cpuPeaks = new Float64Array(rows.length);
  const cpuFloors = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!;
    const used = peakOr(usageMax[row]!, usageAvg[row]!);
    const throttled = peakOr(throttleMax[row]!, throttleAvg[row]!);
    const total = used + throttled;
    // Below one core Kruize uses the total unchanged. The average per pod is almost never larger anyway.
    const isSplit = total >= 1 && divisors[at]! > 0;
    const pod = isSplit ? sampleOrZero((sampleOrZero(usageSum[row]!) + sampleOrZero(throttleSum[row]!)) / divisors[at]!) : -Infinity;
    cpuPeaks[at] = Math.max(pod, total);
    cpuFloors[at] = smallestPositive(pod, total, sampleOrZero(usageMin[row]!) + sampleOrZero(throttleMin[row]!));
  }
  return { cpuPeaks, cpuFloors };
}

function memoryOf(columnOf: ColumnOf, divisors: Float64Array, rows: Int32Array): MemoryLists {
  const [usageMax, usageMin, usageSum] = [columnOf('memoryUsage.max'), columnOf('memoryUsage.min'), columnOf('memoryUsage.sum')];
  const [rssMax, rssMin] = [columnOf('memoryRSS.max'), columnOf('memoryRSS.min')];
  const memoryPeaks = new Float64Array(rows.length);
  const memoryFloors = new Float64Array(rows.length);
  const memorySpikes = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!;
    const max = sampleOrZero(usageMax[row]!);
    const min = sampleOrZero(usageMin[row]!);
    const pod = divisors[at]! > 0 ? sampleOrZero(sampleOrZero(usageSum[row]!) / divisors[at]!) : 0;
    const peak = Math.max(pod, max);
    memoryPeaks[at] = peak;
    memoryFloors[at] = smallestPositive(pod, peak, min);
    memorySpikes[at] = spikeOf(max, min, sampleOrZero(rssMax[row]!), sampleOrZero(rssMin[row]!));
  }
  return { memoryPeaks, memoryFloors, memorySpikes };
}

/** The maximum, or the average if the maximum is missing or not above 0. */
function peakOr(max: number, avg: number): number {
  const peak = sampleOrZero(max);
  return peak > 0 ? peak : sampleOrZero(avg);
}

/** sum / avg: the number of pods, not rounded; 0 if the average is 0 or missing. */
function podQuotients(sum: Float64Array, avg: Float64Array, rows: Int32Array): Float64Array {
  const quotients = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const average = sampleOrZero(avg[rows[at]!]!);
    quotients[at] = average === 0 ? 0 : sampleOrZero(sampleOrZero(sum[rows[at]!]!) / average);
  }
  return quotients;
}

/** Divides sums to get the usage per pod: the quotient of CPU, or that of memory if CPU has none; not rounded. */
function podDivisors(cpuQuotients: Float64Array, columnOf: ColumnOf, rows: Int32Array): Float64Array {
  if (!cpuQuotients.includes(0)) return cpuQuotients;
  const memoryQuotients = podQuotients(columnOf('memoryUsage.sum'), columnOf('memoryUsage.avg'), rows);
  return cpuQuotients.map((quotient, at) => (quotient === 0 ? memoryQuotients[at]! : quotient));
}

/** Pods per interval: the reader's count of series if there is one, otherwise sum / avg. 0 if CPU is idle or missing, either way. */
function podsOf(quotients: Float64Array, avg: Float64Array, counted: Float64Array | undefined, rows: Int32Array): Float64Array {
  const pods = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const count = sampleOrZero(avg[rows[at]!]!) === 0 ? 0 : counted?.[rows[at]!];
    pods[at] = Math.ceil(isSample(count) ? count : quotients[at]! - podTolerance) + 0;
  }
  return pods;
}

/** Intervals of a namespace. Its series are already sums over the namespace, so nothing is divided by pods. */
function namespaceIntervals(usage: UsageTable, rows: Int32Array): Intervals {
  const columnOf = columnsIn(usage);
  const none = new Float64Array(rows.length);
  return {
    count: rows.length,
    times: timesOf(usage, rows),
    ...cpuOf('namespaceCpu', columnOf, { usageSum: none, throttleSum: none, divisors: none }, rows),
    ...memoryOfNamespace(columnOf, rows),
    hasCpu: sampledIn(usage, ['namespaceCpuUsage.avg', 'namespaceCpuUsage.max', 'namespaceCpuUsage.min'], rows),
    hasMemory: sampledIn(usage, ['namespaceMemoryUsage.avg', 'namespaceMemoryUsage.max', 'namespaceMemoryUsage.min'], rows),
    pods: samplesAt(columnOf('namespaceTotalPods.avg'), rows).map((pods) => Math.ceil(pods)),
    ...noAccelerator,
  };
}

function memoryOfNamespace(columnOf: ColumnOf, rows: Int32Array): MemoryLists {
  const usageMax = samplesAt(columnOf('namespaceMemoryUsage.max'), rows);
  const usageMin = samplesAt(columnOf('namespaceMemoryUsage.min'), rows);
  const rssMax = samplesAt(columnOf('namespaceMemoryRSS.max'), rows);
  const rssMin = samplesAt(columnOf('namespaceMemoryRSS.min'), rows);
  const memoryFloors = new Float64Array(rows.length);
  const memorySpikes = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    memoryFloors[at] = smallestPositive(0, usageMax[at]!, usageMin[at]!);
    memorySpikes[at] = spikeOf(usageMax[at]!, usageMin[at]!, rssMax[at]!, rssMin[at]!);
  }
  return { memoryPeaks: usageMax, memoryFloors, memorySpikes };
}
