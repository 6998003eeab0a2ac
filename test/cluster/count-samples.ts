import { listSeries } from './list-series.js';
import { metricFamilies } from './metric-families.js';
import type { PlannedWorkload } from './plan-cluster.js';
import type { Grid } from './usage-signal.js';

/** Number of samples of the cluster on the grid, accurate to one per series. */
export function countSamples(workloads: readonly PlannedWorkload[], { firstSeconds, stepSeconds, length }: Grid): number {
  const end = firstSeconds + length * stepSeconds;
  let count = 0;
  for (const family of metricFamilies) {
    for (const { startSeconds, endSeconds } of listSeries(family, workloads, 0)) {
      count += Math.max(0, Math.min(end, endSeconds) - Math.max(firstSeconds, startSeconds)) / stepSeconds;
    }
  }
  return Math.round(count);
}
