import type { Grid } from '../../../remote-read/series-windows.js';

/** The instants at which a datasource evaluates the inside of a subquery: multiples of `stepMs` from the first window's start to the end. */
export function evaluationGrid(intervals: Grid, longestRangeMs: number, stepMs: number): Grid {
  const firstMs = intervals.endMs - (intervals.rows - 1) * intervals.stepMs - longestRangeMs;
  const first = Math.ceil(firstMs / stepMs);
  const last = Math.floor(intervals.endMs / stepMs);
  return { ...intervals, endMs: last * stepMs, stepMs, rows: Math.max(1, last - first + 1) };
}
