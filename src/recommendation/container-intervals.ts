import { type CpuLists, type Intervals, type MemoryLists, noAccelerator, smallestPositive, spikeOf } from './intervals.js';
import { type ColumnOf, columnsIn, isSample, sampledIn, sampleOrZero, samplesAt, timesOf } from './samples.js';
import type { UsageTable } from './usage-table.js';

/** Quotients of doubles can lie a hair above a whole number: 3 pods must not print 4 (E5). */
const podTolerance = 1e-6;

/** Intervals of a container (recommendations.md 5.2, 5.4, 5.6), computed once for all terms, models and plots. `rows` are those present. */
export function containerIntervals(usage: UsageTable, rows: Int32Array): Intervals {
  const columnOf = columnsIn(usage);
  const quotients = podQuotients(columnOf('cpuUsage.sum'), columnOf('cpuUsage.avg'), rows);
  const divisors = podDivisors(quotients, columnOf, rows);
  return {
    count: rows.length,
    times: timesOf(usage, rows),
    ...cpuOf(columnOf, divisors, rows),
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

function cpuOf(columnOf: ColumnOf, divisors: Float64Array, rows: Int32Array): Pick<Intervals, CpuLists> {
  const [usageAvg, throttleAvg] = [columnOf('cpuUsage.avg'), columnOf('cpuThrottle.avg')];
  const [usageMax, throttleMax] = [columnOf('cpuUsage.max'), columnOf('cpuThrottle.max')];
  const [usageMin, throttleMin] = [columnOf('cpuUsage.min'), columnOf('cpuThrottle.min')];
  const [usageSum, throttleSum] = [columnOf('cpuUsage.sum'), columnOf('cpuThrottle.sum')];
  const cpuPeaks = new Float64Array(rows.length);
  const cpuFloors = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!;
    const used = peakOr(usageMax[row]!, usageAvg[row]!);
    const throttled = peakOr(throttleMax[row]!, throttleAvg[row]!);
    const total = used + throttled;
    // Below one core the reference takes the total as it is; the average of a pod practically never wins anyway (E10).
    const isSplit = total >= 1 && divisors[at]! > 0;
    const pod = isSplit ? sampleOrZero((sampleOrZero(usageSum[row]!) + sampleOrZero(throttleSum[row]!)) / divisors[at]!) : -Infinity;
    cpuPeaks[at] = Math.max(pod, total);
    cpuFloors[at] = smallestPositive(pod, total, sampleOrZero(usageMin[row]!) + sampleOrZero(throttleMin[row]!));
  }
  return { cpuPeaks, cpuFloors };
}

function memoryOf(columnOf: ColumnOf, divisors: Float64Array, rows: Int32Array): Pick<Intervals, MemoryLists> {
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

/** The maximum, or the average where the maximum is not above 0 or missing. */
function peakOr(max: number, avg: number): number {
  const peak = sampleOrZero(max);
  return peak > 0 ? peak : sampleOrZero(avg);
}

/** sum / avg, the number of pods but for rounding; 0 where the average is 0 or missing. */
function podQuotients(sum: Float64Array, avg: Float64Array, rows: Int32Array): Float64Array {
  const quotients = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const average = sampleOrZero(avg[rows[at]!]!);
    quotients[at] = average === 0 ? 0 : sampleOrZero(sampleOrZero(sum[rows[at]!]!) / average);
  }
  return quotients;
}

/** What sums are divided by to get a pod's share: the quotient of CPU, else that of memory, not rounded. */
function podDivisors(cpuQuotients: Float64Array, columnOf: ColumnOf, rows: Int32Array): Float64Array {
  if (!cpuQuotients.includes(0)) return cpuQuotients;
  const memoryQuotients = podQuotients(columnOf('memoryUsage.sum'), columnOf('memoryUsage.avg'), rows);
  return cpuQuotients.map((quotient, at) => (quotient === 0 ? memoryQuotients[at]! : quotient));
}

/** Pods of each interval: counted where the reader counted series, else sum / avg; 0 where CPU is idle or missing, with either reader. */
function podsOf(quotients: Float64Array, avg: Float64Array, counted: Float64Array | undefined, rows: Int32Array): Float64Array {
  const pods = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const count = sampleOrZero(avg[rows[at]!]!) === 0 ? 0 : counted?.[rows[at]!];
    pods[at] = Math.ceil(isSample(count) ? count : quotients[at]! - podTolerance) + 0;
  }
  return pods;
}
