import { type CpuLists, type Intervals, type MemoryLists, noAccelerator, smallestPositive, spikeOf } from './intervals.js';
import { columnsIn, sampledIn, samplesAt, timesOf } from './samples.js';
import type { UsageColumn, UsageTable } from './usage-table.js';

type SamplesOf = (column: UsageColumn) => Float64Array;

/** Intervals of a namespace (recommendations.md 8): its series are sums over the namespace already, so nothing is divided by pods. */
export function namespaceIntervals(usage: UsageTable, rows: Int32Array): Intervals {
  const columnOf = columnsIn(usage);
  const samplesOf = (column: UsageColumn) => samplesAt(columnOf(column), rows);
  return {
    count: rows.length,
    times: timesOf(usage, rows),
    ...cpuOf(samplesOf, rows.length),
    ...memoryOf(samplesOf, rows.length),
    hasCpu: sampledIn(usage, ['namespaceCpuUsage.avg', 'namespaceCpuUsage.max', 'namespaceCpuUsage.min'], rows),
    hasMemory: sampledIn(usage, ['namespaceMemoryUsage.avg', 'namespaceMemoryUsage.max', 'namespaceMemoryUsage.min'], rows),
    pods: samplesOf('namespaceTotalPods.avg').map((pods) => Math.ceil(pods)),
    ...noAccelerator,
  };
}

function cpuOf(samplesOf: SamplesOf, count: number): Pick<Intervals, CpuLists> {
  const usageAvg = samplesOf('namespaceCpuUsage.avg');
  const usageMax = samplesOf('namespaceCpuUsage.max');
  const usageMin = samplesOf('namespaceCpuUsage.min');
  const throttleAvg = samplesOf('namespaceCpuThrottle.avg');
  const throttleMax = samplesOf('namespaceCpuThrottle.max');
  const throttleMin = samplesOf('namespaceCpuThrottle.min');
  const cpuPeaks = new Float64Array(count);
  const cpuFloors = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const used = usageMax[at]! > 0 ? usageMax[at]! : usageAvg[at]!;
    const throttled = throttleMax[at]! > 0 ? throttleMax[at]! : throttleAvg[at]!;
    const total = used + throttled;
    cpuPeaks[at] = total;
    cpuFloors[at] = smallestPositive(0, total, usageMin[at]! + throttleMin[at]!);
  }
  return { cpuPeaks, cpuFloors };
}

function memoryOf(samplesOf: SamplesOf, count: number): Pick<Intervals, MemoryLists> {
  const usageMax = samplesOf('namespaceMemoryUsage.max');
  const usageMin = samplesOf('namespaceMemoryUsage.min');
  const rssMax = samplesOf('namespaceMemoryRSS.max');
  const rssMin = samplesOf('namespaceMemoryRSS.min');
  const memoryFloors = new Float64Array(count);
  const memorySpikes = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    memoryFloors[at] = smallestPositive(0, usageMax[at]!, usageMin[at]!);
    memorySpikes[at] = spikeOf(usageMax[at]!, usageMin[at]!, rssMax[at]!, rssMin[at]!);
  }
  return { memoryPeaks: usageMax, memoryFloors, memorySpikes };
}
