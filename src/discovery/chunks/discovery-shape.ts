import type { Windows } from '../../chunks/series-windows.js';
import type { Matcher } from '../../promql/matcher.js';

/** `F(S[range])`: a function over the windows of a selector's series, one result a series. */
export interface SeriesVector {
  readonly matchers: readonly Matcher[];
  readonly windows: Windows;
}

/** The side of a join that has one series for each set of `on` labels. */
export interface OneSide {
  readonly vector: SeriesVector;
  /** `topk by (the labels of on) (1, …)`: the series with the largest value is taken; else a second one is an error. */
  readonly isTop: boolean;
  /** `> bool number`: 1 for larger values, else 0. */
  readonly above?: number;
}

/** `… * on (on) group_left (include) …` */
export interface Join {
  readonly on: readonly string[];
  readonly include: readonly string[];
  readonly side: OneSide;
}

/** A query of discovery that chunks can answer: `sum by (groupBy) (vector)`, or `sum by (groupBy) (vector * on … group_left … side)`. */
export interface DiscoveryShape {
  readonly groupBy: readonly string[];
  readonly vector: SeriesVector;
  readonly join?: Join;
}
