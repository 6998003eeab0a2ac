import { type CpuLists, type Intervals, type MemoryLists, smallestPositive, spikeOf } from './intervals.js';
import { sampledIn, samplesOf, timesOf } from './samples.js';
import type { UsageTable } from './usage-table.js';

/** Intervals of a namespace (recommendations.md 8): its series are sums over the namespace already, so nothing is divided by pods. */
export function namespaceIntervals(usage: UsageTable, rows: Int32Array): Intervals {
  return {
    count: rows.length,
    times: timesOf(usage, rows),
    ...cpuOf(usage, rows),
    ...memoryOf(usage, rows),
    pods: samplesOf(usage, 'namespaceTotalPods.avg', rows).map((pods) => Math.ceil(pods)),
    acceleratorCore: new Float64Array(rows.length),
    acceleratorMemory: new Float64Array(rows.length),
  };
}

function cpuOf(usage: UsageTable, rows: Int32Array): Pick<Intervals, CpuLists> {
  const usageAvg = samplesOf(usage, 'namespaceCpuUsage.avg', rows);
  const usageMax = samplesOf(usage, 'namespaceCpuUsage.max', rows);
  const usageMin = samplesOf(usage, 'namespaceCpuUsage.min', rows);
  const throttleAvg = samplesOf(usage, 'namespaceCpuThrottle.avg', rows);
  const throttleMax = samplesOf(usage, 'namespaceCpuThrottle.max', rows);
  const throttleMin = samplesOf(usage, 'namespaceCpuThrottle.min', rows);
  const cpuPeaks = new Float64Array(rows.length);
  const cpuFloors = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const used = usageMax[at]! > 0 ? usageMax[at]! : usageAvg[at]!;
    const throttled = throttleMax[at]! > 0 ? throttleMax[at]! : throttleAvg[at]!;
    const total = used + throttled;
    cpuPeaks[at] = total;
    cpuFloors[at] = smallestPositive(total, usageMin[at]! + throttleMin[at]!, 0);
  }
  const hasCpu = sampledIn(usage, ['namespaceCpuUsage.avg', 'namespaceCpuUsage.max', 'namespaceCpuUsage.min'], rows);
  return { cpuPeaks, cpuFloors, hasCpu };
}

function memoryOf(usage: UsageTable, rows: Int32Array): Pick<Intervals, MemoryLists> {
  const usageMax = samplesOf(usage, 'namespaceMemoryUsage.max', rows);
  const usageMin = samplesOf(usage, 'namespaceMemoryUsage.min', rows);
  const rssMax = samplesOf(usage, 'namespaceMemoryRSS.max', rows);
  const rssMin = samplesOf(usage, 'namespaceMemoryRSS.min', rows);
  const memoryFloors = new Float64Array(rows.length);
  const memorySpikes = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    memoryFloors[at] = smallestPositive(usageMax[at]!, usageMin[at]!, 0);
    memorySpikes[at] = spikeOf(usageMax[at]!, usageMin[at]!, rssMax[at]!, rssMin[at]!);
  }
  const hasMemory = sampledIn(usage, ['namespaceMemoryUsage.avg', 'namespaceMemoryUsage.max', 'namespaceMemoryUsage.min'], rows);
  return { memoryPeaks: usageMax, memoryFloors, memorySpikes, hasMemory };
}
