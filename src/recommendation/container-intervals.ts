import {
  type AcceleratorLists,
  type CpuLists,
  type Intervals,
  type MemoryLists,
  noAccelerator,
  smallestPositive,
  spikeOf,
} from './intervals.js';
import { isSample, type ReadSamples, sampledIn, sampleOrZero, samplesAt, timesOf } from './samples.js';
import type { UsageTable } from './usage-table.js';

/** Quotients of doubles can lie a hair above a whole number: 3 pods must not print 4 (E5). */
const podTolerance = 1e-6;

/** Intervals of a container (recommendations.md 5.2, 5.4, 5.6), computed once for all terms, models and plots. `rows` are those present. */
export function containerIntervals(usage: UsageTable, rows: Int32Array): Intervals {
  const samplesOf = samplesAt(usage, rows);
  const divisors = podDivisors(samplesOf, rows.length);
  return {
    count: rows.length,
    times: timesOf(usage, rows),
    ...cpuOf(samplesOf, divisors),
    ...memoryOf(samplesOf, divisors),
    hasCpu: sampledIn(usage, ['cpuUsage.avg', 'cpuUsage.max', 'cpuUsage.min', 'cpuUsage.sum'], rows),
    hasMemory: sampledIn(usage, ['memoryUsage.avg', 'memoryUsage.max', 'memoryUsage.min', 'memoryUsage.sum'], rows),
    pods: podsOf(samplesOf, usage.columns['cpuUsage.count'], rows),
    ...(usage.acceleratorModel === undefined ? noAccelerator : acceleratorOf(samplesOf)),
  };
}

function cpuOf(samplesOf: ReadSamples, divisors: Float64Array): Pick<Intervals, CpuLists> {
  const usageAvg = samplesOf('cpuUsage.avg');
  const usageMax = samplesOf('cpuUsage.max');
  const usageMin = samplesOf('cpuUsage.min');
  const usageSum = samplesOf('cpuUsage.sum');
  const throttleAvg = samplesOf('cpuThrottle.avg');
  const throttleMax = samplesOf('cpuThrottle.max');
  const throttleMin = samplesOf('cpuThrottle.min');
  const throttleSum = samplesOf('cpuThrottle.sum');
  const cpuPeaks = new Float64Array(divisors.length);
  const cpuFloors = new Float64Array(divisors.length);
  for (let at = 0; at < divisors.length; at++) {
    const used = usageMax[at]! > 0 ? usageMax[at]! : usageAvg[at]!;
    const throttled = throttleMax[at]! > 0 ? throttleMax[at]! : throttleAvg[at]!;
    const total = used + throttled;
    // Below one core the reference takes the total as it is; the average of a pod practically never wins anyway (E10).
    const isSplit = total >= 1 && divisors[at]! > 0;
    const pod = isSplit ? sampleOrZero((usageSum[at]! + throttleSum[at]!) / divisors[at]!) : 0;
    cpuPeaks[at] = total < 1 ? total : Math.max(pod, total);
    cpuFloors[at] = smallestPositive(pod, total, usageMin[at]! + throttleMin[at]!);
  }
  return { cpuPeaks, cpuFloors };
}

function memoryOf(samplesOf: ReadSamples, divisors: Float64Array): Pick<Intervals, MemoryLists> {
  const usageMax = samplesOf('memoryUsage.max');
  const usageMin = samplesOf('memoryUsage.min');
  const usageSum = samplesOf('memoryUsage.sum');
  const rssMax = samplesOf('memoryRSS.max');
  const rssMin = samplesOf('memoryRSS.min');
  const memoryPeaks = new Float64Array(divisors.length);
  const memoryFloors = new Float64Array(divisors.length);
  const memorySpikes = new Float64Array(divisors.length);
  for (let at = 0; at < divisors.length; at++) {
    const pod = divisors[at]! > 0 ? sampleOrZero(usageSum[at]! / divisors[at]!) : 0;
    const peak = Math.max(pod, usageMax[at]!);
    memoryPeaks[at] = peak;
    memoryFloors[at] = smallestPositive(pod, peak, usageMin[at]!);
    memorySpikes[at] = spikeOf(usageMax[at]!, usageMin[at]!, rssMax[at]!, rssMin[at]!);
  }
  return { memoryPeaks, memoryFloors, memorySpikes };
}

/** What sums are divided by to get a pod's share: sum / avg of CPU, else of memory, not rounded. */
function podDivisors(samplesOf: ReadSamples, count: number): Float64Array {
  const cpuAvg = samplesOf('cpuUsage.avg');
  const cpuSum = samplesOf('cpuUsage.sum');
  const memoryAvg = samplesOf('memoryUsage.avg');
  const memorySum = samplesOf('memoryUsage.sum');
  const divisors = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    let divisor = cpuAvg[at] !== 0 ? sampleOrZero(cpuSum[at]! / cpuAvg[at]!) : 0;
    if (divisor === 0 && memoryAvg[at] !== 0) divisor = sampleOrZero(memorySum[at]! / memoryAvg[at]!);
    divisors[at] = divisor;
  }
  return divisors;
}

/** Pods of each interval: counted where the reader counted series, else sum / avg; 0 where CPU is idle or missing, with either reader. */
function podsOf(samplesOf: ReadSamples, counted: Float64Array | undefined, rows: Int32Array): Float64Array {
  const avg = samplesOf('cpuUsage.avg');
  const sum = samplesOf('cpuUsage.sum');
  const pods = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    if (avg[at] === 0) continue;
    const count = counted?.[rows[at]!];
    pods[at] = isSample(count) ? Math.ceil(count) : Math.ceil(sampleOrZero(sum[at]! / avg[at]!) - podTolerance) + 0;
  }
  return pods;
}

function acceleratorOf(samplesOf: ReadSamples): Pick<Intervals, AcceleratorLists> {
  return { acceleratorCore: samplesOf('acceleratorCoreUsage.max'), acceleratorMemory: samplesOf('acceleratorMemoryUsage.max') };
}
