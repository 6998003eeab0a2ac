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
 * The label of a window from `firstRow` on, from what was stored of it and what its newest rows alone say. `unclear` = only a look at the whole
 * window tells: a label that was not seen before may go before the stored one, and what stood behind one that has left is not known.
 */
export function settleLabel<T>(
  stored: Sighting<T> | undefined,
  newest: Sighting<T> | undefined,
  firstRow: number,
): Sighting<T> | undefined | 'unclear' {
  if (!stored) return newest;
  if (stored.lastRow < firstRow) return 'unclear';
  if (!newest || isSame(newest.value, stored.behind)) return stored;
  return isSame(newest.value, stored.value) ? { ...stored, lastRow: newest.lastRow } : 'unclear';
}

/** The label of a window that was read whole, when its newest rows alone said something else. */
export function settleWhole<T>(whole: Sighting<T> | undefined, newest: Sighting<T> | undefined): Sighting<T> | undefined {
  return whole && newest && !isSame(newest.value, whole.value) ? { ...whole, behind: newest.value } : whole;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
