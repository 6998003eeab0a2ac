import type { Matcher } from '../promql/matcher.js';

/** The functions over a series' samples that are computed from chunks, with the meaning that PromQL gives them. */
export const windowFunctions = [
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'sum_over_time',
  'count_over_time',
  'last_over_time',
  'rate',
  'increase',
  'irate',
  'instant',
] as const;
export type WindowFunction = (typeof windowFunctions)[number];

/** One function of a series at each instant of the grid. `rangeMs` is the range in brackets; of `instant` (a bare selector) it is the look-back. */
export interface Windows {
  readonly function: WindowFunction;
  readonly rangeMs: number;
}

/** One query of a remote read: the series that all matchers let through, and what is wanted of each. */
export interface ChunkQuestion {
  readonly matchers: readonly Matcher[];
  readonly windows: readonly Windows[];
}

/**
 * Row `i` is the instant `endMs - (rows - 1 - i) * stepMs`. `boundary` says whether a sample exactly at the start of a window belongs to it:
 * `closed` before Prometheus 3 (it does), `left-open` from 3 on (it does not); it holds for the look-back too.
 */
export interface Grid {
  readonly endMs: number;
  readonly stepMs: number;
  readonly rows: number;
  readonly boundary: 'closed' | 'left-open';
  /**
   * Which limit `rate` and `increase` put first on reaching back to the window's start: the point where the counter would be zero (before about Prometheus 2.52,
   * https://github.com/prometheus/prometheus/pull/13725) or the 1.1 average intervals. Default: as is usual with the boundary.
   */
  readonly extrapolation?: 'zero-first' | 'threshold-first';
}

/**
 * The windows of one series. `values[k][row]` belongs to `windows[k]` of the question; NaN = no value.
 * The columns are valid only during the call: their memory is used again for the next series.
 */
export interface SeriesWindows {
  /** Index of the question that the series answers. */
  readonly question: number;
  /** `__name__` is among them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly Float64Array[];
  /** Outside [firstRow, endRow) every column is NaN; equal where the series has no value at all. */
  readonly firstRow: number;
  readonly endRow: number;
}

/** Called once a series, in the order of the answer. */
export type OnSeries = (series: SeriesWindows) => void;
