import { selectRanked } from './select-ranked.js';

/** Percentiles of a list of numbers. */
export interface Percentiles {
  readonly maximum: number;
  /** Nearest rank on n - 1, no interpolation (recommendations.md 5.1); `percentile` from 0 to 100. 0 for an empty list. */
  at(percentile: number): number;
}

/** Answers percentiles of the values from `first` on, which stay as they are. Those `expected` are all selected when one of them is first asked. */
export function percentilesOf(values: Float64Array, first = 0, expected: readonly number[] = []): Percentiles {
  const count = values.length - first;
  const maximum = largest(values, first);
  const selected = new Map<number, number>();
  const select = (percentiles: readonly number[]) => {
    const found = selectRanked(
      values,
      first,
      values.length,
      percentiles.map((percentile) => rankOf(percentile, count)),
    );
    for (const [at, percentile] of percentiles.entries()) selected.set(percentile, found[at]!);
  };
  return {
    maximum,
    at(percentile) {
      if (rankOf(percentile, count) >= count - 1) return maximum;
      if (!selected.has(percentile)) select(expected.includes(percentile) ? expected : [percentile]);
      return selected.get(percentile)!;
    },
  };
}

/** Place of a percentile in a sorted list of `count` values, from 0; halves are rounded up, as `Math.round` of Java does. */
export function rankOf(percentile: number, count: number): number {
  return Math.round((percentile / 100.0) * (count - 1));
}

/** Largest of the values from `first` on; 0 where there are none. */
export function largest(values: Float64Array, first = 0): number {
  let found = first < values.length ? values[first]! : 0;
  for (let at = first; at < values.length; at++) if (values[at]! > found) found = values[at]!;
  return found;
}
