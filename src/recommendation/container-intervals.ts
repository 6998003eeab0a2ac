import { type CpuLists, type Intervals, type MemoryLists, smallestPositive, spikeOf } from './intervals.js';
import { isSample, sampledIn, sampleOrZero, samplesOf, timesOf } from './samples.js';
import type { UsageTable } from './usage-table.js';

/** Quotients of doubles can lie a hair above a whole number: 3 pods must not print 4 (E5). */
const podTolerance = 1e-6;

/** Intervals of a container (recommendations.md 5.2, 5.4, 5.6), computed once for all terms, models and plots. `rows` are those present. */
export function containerIntervals(usage: UsageTable, rows: Int32Array): Intervals {
  const divisors = podDivisors(usage, rows);
  return {
    count: rows.length,
    times: timesOf(usage, rows),
    ...cpuOf(usage, rows, divisors),
    ...memoryOf(usage, rows, divisors),
    pods: podsOf(usage, rows),
    acceleratorCore: samplesOf(usage, 'acceleratorCoreUsage.max', rows),
    acceleratorMemory: samplesOf(usage, 'acceleratorMemoryUsage.max', rows),
  };
}

function cpuOf(usage: UsageTable, rows: Int32Array, divisors: Float64Array): Pick<Intervals, CpuLists> {
  const usageAvg = samplesOf(usage, 'cpuUsage.avg', rows);
  const usageMax = samplesOf(usage, 'cpuUsage.max', rows);
  const usageMin = samplesOf(usage, 'cpuUsage.min', rows);
  const usageSum = samplesOf(usage, 'cpuUsage.sum', rows);
  const throttleAvg = samplesOf(usage, 'cpuThrottle.avg', rows);
  const throttleMax = samplesOf(usage, 'cpuThrottle.max', rows);
  const throttleMin = samplesOf(usage, 'cpuThrottle.min', rows);
  const throttleSum = samplesOf(usage, 'cpuThrottle.sum', rows);
  const cpuPeaks = new Float64Array(rows.length);
  const cpuFloors = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const used = usageMax[at]! > 0 ? usageMax[at]! : usageAvg[at]!;
    const throttled = throttleMax[at]! > 0 ? throttleMax[at]! : throttleAvg[at]!;
    const total = used + throttled;
    // Below one core the reference takes the total as it is; the average of a pod practically never wins anyway (E10).
    const isSplit = total >= 1 && divisors[at]! > 0;
    const pod = isSplit ? sampleOrZero((usageSum[at]! + throttleSum[at]!) / divisors[at]!) : 0;
    cpuPeaks[at] = total < 1 ? total : Math.max(pod, total);
    cpuFloors[at] = smallestPositive(pod, total, usageMin[at]! + throttleMin[at]!);
  }
  const hasCpu = sampledIn(usage, ['cpuUsage.avg', 'cpuUsage.max', 'cpuUsage.min', 'cpuUsage.sum'], rows);
  return { cpuPeaks, cpuFloors, hasCpu };
}

function memoryOf(usage: UsageTable, rows: Int32Array, divisors: Float64Array): Pick<Intervals, MemoryLists> {
  const usageMax = samplesOf(usage, 'memoryUsage.max', rows);
  const usageMin = samplesOf(usage, 'memoryUsage.min', rows);
  const usageSum = samplesOf(usage, 'memoryUsage.sum', rows);
  const rssMax = samplesOf(usage, 'memoryRSS.max', rows);
  const rssMin = samplesOf(usage, 'memoryRSS.min', rows);
  const memoryPeaks = new Float64Array(rows.length);
  const memoryFloors = new Float64Array(rows.length);
  const memorySpikes = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const pod = divisors[at]! > 0 ? sampleOrZero(usageSum[at]! / divisors[at]!) : 0;
    const peak = Math.max(pod, usageMax[at]!);
    memoryPeaks[at] = peak;
    memoryFloors[at] = smallestPositive(pod, peak, usageMin[at]!);
    memorySpikes[at] = spikeOf(usageMax[at]!, usageMin[at]!, rssMax[at]!, rssMin[at]!);
  }
  const hasMemory = sampledIn(usage, ['memoryUsage.avg', 'memoryUsage.max', 'memoryUsage.min', 'memoryUsage.sum'], rows);
  return { memoryPeaks, memoryFloors, memorySpikes, hasMemory };
}

/** What sums are divided by to get a pod's share: sum / avg of CPU, else of memory, not rounded. */
function podDivisors(usage: UsageTable, rows: Int32Array): Float64Array {
  const cpuAvg = samplesOf(usage, 'cpuUsage.avg', rows);
  const cpuSum = samplesOf(usage, 'cpuUsage.sum', rows);
  const memoryAvg = samplesOf(usage, 'memoryUsage.avg', rows);
  const memorySum = samplesOf(usage, 'memoryUsage.sum', rows);
  const divisors = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    let divisor = cpuAvg[at] !== 0 ? sampleOrZero(cpuSum[at]! / cpuAvg[at]!) : 0;
    if (divisor === 0 && memoryAvg[at] !== 0) divisor = sampleOrZero(memorySum[at]! / memoryAvg[at]!);
    divisors[at] = divisor;
  }
  return divisors;
}

/** Pods of each interval: counted where the reader counted series, else sum / avg; 0 where CPU is idle or missing, with either reader. */
function podsOf(usage: UsageTable, rows: Int32Array): Float64Array {
  const avg = samplesOf(usage, 'cpuUsage.avg', rows);
  const sum = samplesOf(usage, 'cpuUsage.sum', rows);
  const counted = usage.columns['cpuUsage.count'];
  const pods = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    if (avg[at] === 0) continue;
    const count = counted?.[rows[at]!];
    pods[at] = isSample(count) ? Math.ceil(count) : Math.ceil(sampleOrZero(sum[at]! / avg[at]!) - podTolerance) + 0;
  }
  return pods;
}
