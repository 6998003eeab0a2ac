import type { RowRange } from './row-numbers.js';

/**
 * A label that a table has from the first of several series of its window, such as the JVM's version. The first is the datasource's to tell: what
 * comes first in a window need not in a part of it.
 */
export interface Sighting<T> {
  readonly value: T;
  /** The last row that its series had a sample in. */
  readonly lastRow: number;
  /** Another label that was seen while this one went before it. */
  readonly behind?: T;
}

/**
 * The label of a window, from what was stored of it or of a longer one and from what its newest rows alone say. `unclear` = only a look at the whole
 * window tells: a label that was not seen before may go before the stored one, and what stood behind one that is not in the window is not known.
 */
export function settleLabel<T>(
  stored: Sighting<T> | undefined,
  newest: Sighting<T> | undefined,
  window: RowRange,
): Sighting<T> | undefined | 'unclear' {
  if (!stored) return newest;
  if (newest && isSame(newest.value, stored.value)) return { ...stored, lastRow: Math.max(stored.lastRow, newest.lastRow) };
  if (stored.lastRow < window.from || stored.lastRow >= window.to) return 'unclear';
  return !newest || isSame(newest.value, stored.behind) ? stored : 'unclear';
}

/** The label of a window that was read whole, when its newest rows alone said something else. */
export function settleWhole<T>(whole: Sighting<T> | undefined, newest: Sighting<T> | undefined): Sighting<T> | undefined {
  return whole && newest && !isSame(newest.value, whole.value) ? { ...whole, behind: newest.value } : whole;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
