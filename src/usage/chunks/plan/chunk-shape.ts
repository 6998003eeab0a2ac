import type { Matcher } from '../../../promql/matcher.js';
import type { Windows } from '../../../remote-read/series-windows.js';

export const aggregateOperators = ['sum', 'avg', 'min', 'max', 'count'] as const;
/** How the series of one experiment become one. */
export type AggregateOperator = (typeof aggregateOperators)[number];

export const subqueryFunctions = [
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'sum_over_time',
  'count_over_time',
  'last_over_time',
] as const;
export type SubqueryFunction = (typeof subqueryFunctions)[number];

/** `function(…[range:step])`: what stands inside is evaluated at every multiple of the step, then taken over the range. */
export interface Subquery {
  readonly function: SubqueryFunction;
  readonly rangeMs: number;
  /** Absent: the datasource's evaluation interval. */
  readonly stepMs?: number;
}

/**
 * A profile's query that chunks answer: `operator by (groupBy) (windows(selector))`, where a subquery may stand around the windows of each series
 * or around the whole.
 */
export interface ChunkShape {
  /** Those of the selector that do not depend on the experiment; `__name__` is the first. */
  readonly matchers: readonly Matcher[];
  readonly namespaceLabel: string;
  /** Absent in queries about namespaces. */
  readonly containerLabel?: string;
  readonly windows: Windows;
  readonly perSeries?: Subquery;
  readonly operator: AggregateOperator;
  readonly groupBy: readonly string[];
  readonly afterwards?: Subquery;
}

/** Why a query is left to PromQL. */
export interface NotFromChunks {
  readonly reason: string;
}

/** How far back a series is looked at for one instant. */
export function reachMs({ windows, perSeries }: Pick<ChunkShape, 'windows' | 'perSeries'>): number {
  const own = windows.function === 'instant' ? 0 : windows.rangeMs;
  return own + (perSeries?.rangeMs ?? 0);
}
