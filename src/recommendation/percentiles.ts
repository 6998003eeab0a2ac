import { selectRanked } from './select-ranked.js';

/** Percentiles of a list of numbers. */
export interface Percentiles {
  readonly maximum: number;
  /** Nearest rank on n - 1, no interpolation (recommendations.md 5.1); `percentile` from 0 to 100. 0 for an empty list. */
  at(percentile: number): number;
}

/** Answers percentiles of the values, which stay as they are; they are copied when first one other than the maximum is asked. */
export function percentilesOf(values: Float64Array): Percentiles {
  const last = values.length - 1;
  const maximum = largest(values);
  let copy: Float64Array | undefined;
  return {
    maximum,
    at(percentile) {
      const rank = rankOf(percentile, values.length);
      if (rank >= last) return maximum;
      copy ??= values.slice();
      return selectRanked(copy, rank);
    },
  };
}

/** Place of a percentile in a sorted list of `count` values, from 0; halves are rounded up, as `Math.round` of Java does. */
export function rankOf(percentile: number, count: number): number {
  return Math.round((percentile / 100.0) * (count - 1));
}

/** Largest of the values; 0 for an empty list. */
export function largest(values: Float64Array): number {
  let found = values.length > 0 ? values[0]! : 0;
  for (let at = 1; at < values.length; at++) if (values[at]! > found) found = values[at]!;
  return found;
}
