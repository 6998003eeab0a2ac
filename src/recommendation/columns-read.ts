import type { SizedKind } from './recommendation-settings.js';
import type { Term } from './terms.js';
import type { UsageColumn, UsageFunction, UsageMetric } from './usage-table.js';

const columns = <M extends UsageMetric>(metric: M, ...functions: UsageFunction[]) =>
  functions.map((name): UsageColumn => `${metric}.${name}`);

/**
 * Columns that change a result (recommendations.md 1.7 and 8): readers ask these and no others.
 * All functions of one metric have the same instants, so leaving some out cannot change which rows are present.
 */
export const columnsRead: Readonly<Record<SizedKind, readonly UsageColumn[]>> = {
  container: [
    ...columns('cpuRequest', 'avg'),
    ...columns('cpuLimit', 'avg'),
    ...columns('memoryRequest', 'avg'),
    ...columns('memoryLimit', 'avg'),
    ...columns('cpuUsage', 'avg', 'min', 'max', 'sum'),
    ...columns('cpuThrottle', 'avg', 'min', 'max', 'sum'),
    ...columns('memoryUsage', 'avg', 'min', 'max', 'sum'),
    ...columns('memoryRSS', 'min', 'max'),
    ...columns('acceleratorCoreUsage', 'max'),
    ...columns('acceleratorMemoryUsage', 'max'),
  ],
  namespace: [
    ...columns('namespaceCpuRequest', 'sum'),
    ...columns('namespaceCpuLimit', 'sum'),
    ...columns('namespaceMemoryRequest', 'sum'),
    ...columns('namespaceMemoryLimit', 'sum'),
    ...columns('namespaceCpuUsage', 'avg', 'min', 'max'),
    ...columns('namespaceCpuThrottle', 'avg', 'min', 'max'),
    ...columns('namespaceMemoryUsage', 'min', 'max'),
    ...columns('namespaceMemoryRSS', 'min', 'max'),
    ...columns('namespaceTotalPods', 'avg'),
  ],
};

/** Rows that hold the longest of the terms, both its ends included (recommendations.md 2.4): 1441 for 15 days of 15 minutes. */
export function rowsRead(terms: readonly Term[], stepSeconds: number): number {
  return Math.floor(longestSeconds(terms) / stepSeconds) + 1;
}

/** Length of the longest of the terms. */
export function longestSeconds(terms: readonly Term[]): number {
  return Math.max(...terms.map((term) => term.days)) * 86_400;
}
