import type { Matcher } from '../promql/matcher.js';

/** The functions that can be computed from chunks, with PromQL's semantics. */
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

/** One function, evaluated at each instant of the grid. `rangeMs` is its range, or the look-back of `instant` (a bare selector). */
export interface Windows {
  readonly function: WindowFunction;
  readonly rangeMs: number;
}

/** One query of a remote read: the matchers that select the series, and the windows to compute for each series. */
export interface ChunkQuestion {
  readonly matchers: readonly Matcher[];
  readonly windows: readonly Windows[];
}

/**
 * Row `i` is the instant `endMs - (rows - 1 - i) * stepMs`. `boundary` says whether a window includes a sample exactly at its start:
 * `closed` before Prometheus 3 (it does), `left-open` since Prometheus 3 (it does not). The same applies to the look-back.
 */
export interface Grid {
  readonly endMs: number;
  readonly stepMs: number;
  readonly rows: number;
  readonly boundary: 'closed' | 'left-open';
  /**   * The limit that `rate` and `increase` apply first when they extrapolate to the window's start: the point where the counter would be zero (before
   * about Prometheus 2.52, https://github.com/prometheus/prometheus/pull/13725) or 1.1 average intervals. The default follows from the
   * boundary.
   */
  readonly extrapolation?: 'zero-first' | 'threshold-first';
}

/**
 * The windows of one series. `values[k][row]` belongs to `windows[k]` of the question; NaN = no value. The columns are valid only during
 * the call: their memory is reused for the next series.
 */
export interface SeriesWindows {
  /** Index of the question to which the series belongs. */ readonly question: number /** Includes `__name__`. */;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly Float64Array[];
  /** Outside [firstRow, endRow) every column is NaN. The two are equal if the series has no values. */
  readonly firstRow: number;
  readonly endRow: number;
}

/** Called once per series, in the order of the response. */
export type OnSeries = (series: SeriesWindows) => void;
