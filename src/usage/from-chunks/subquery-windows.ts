import type { Grid } from '../../remote-read/series-windows.js';
import type { SubqueryFunction } from './chunk-shape.js';

/** The instants at which a subquery evaluates its inner expression: multiples of `stepMs` from the start of the first window to the end. */
export function evaluationGrid(intervals: Grid, maxRangeMs: number, stepMs: number): Grid {
  const firstMs = intervals.endMs - (intervals.rows - 1) * intervals.stepMs - maxRangeMs;
  const first = Math.ceil(firstMs / stepMs);
  const last = Math.floor(intervals.endMs / stepMs);
  return { ...intervals, endMs: last * stepMs, stepMs, rows: Math.max(1, last - first + 1) };
}

type Take = (values: Float64Array, from: number, to: number) => number;

/** NaN = no value, in input and result. */
const takes: Readonly<Record<SubqueryFunction, Take>> = {
  avg_over_time: (values, from, to) => sum(values, from, to) / count(values, from, to),
  sum_over_time: sum,
  count_over_time: (values, from, to) => count(values, from, to) || Number.NaN,
  min_over_time: (values, from, to) => extreme(values, from, to, (value, best) => value < best),
  max_over_time: (values, from, to) => extreme(values, from, to, (value, best) => value > best),
  last_over_time: (values, from, to) => {
    for (let i = to - 1; i >= from; i--) if (!Number.isNaN(values[i])) return values[i]!;
    return Number.NaN;
  },
};

/** The windows of a subquery: maps evaluated instants to intervals. */
export class SubqueryWindows {
  private readonly from: Int32Array;
  private readonly to: Int32Array;

  constructor(
    evaluated: Grid,
    private readonly intervals: Grid,
    rangeMs: number,
  ) {
    const firstMs = evaluated.endMs - (evaluated.rows - 1) * evaluated.stepMs;
    const indexAfter = (ms: number) => Math.min(evaluated.rows, Math.max(0, Math.floor((ms - firstMs) / evaluated.stepMs) + 1));
    const indexFrom = (ms: number) => Math.min(evaluated.rows, Math.max(0, Math.ceil((ms - firstMs) / evaluated.stepMs)));
    const instant = (row: number) => intervals.endMs - (intervals.rows - 1 - row) * intervals.stepMs;
    const startOf = intervals.boundary === 'closed' ? indexFrom : indexAfter;
    this.from = Int32Array.from({ length: intervals.rows }, (_, row) => startOf(instant(row) - rangeMs));
    this.to = Int32Array.from({ length: intervals.rows }, (_, row) => indexAfter(instant(row)));
  }

  /** Applies the function to each window; returns one value per interval. */
  take(name: SubqueryFunction, values: Float64Array): Float64Array {
    const take = takes[name];
    const taken = new Float64Array(this.intervals.rows);
    for (let row = 0; row < taken.length; row++) taken[row] = take(values, this.from[row]!, this.to[row]!);
    return taken;
  }
}

function sum(values: Float64Array, from: number, to: number): number {
  let total = 0;
  let isEmpty = true;
  for (let i = from; i < to; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) continue;
    total += value;
    isEmpty = false;
  }
  return isEmpty ? Number.NaN : total;
}

function count(values: Float64Array, from: number, to: number): number {
  let counted = 0;
  for (let i = from; i < to; i++) if (!Number.isNaN(values[i])) counted++;
  return counted;
}

function extreme(values: Float64Array, from: number, to: number, isBetter: (value: number, best: number) => boolean): number {
  let best = Number.NaN;
  for (let i = from; i < to; i++) {
    const value = values[i]!;
    if (Number.isNaN(best) || isBetter(value, best)) best = value;
  }
  return best;
}
