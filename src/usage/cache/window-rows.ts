import { isDeepStrictEqual } from 'node:util';
import type { JvmInfo, UsageColumn, UsageTable } from '../../recommendation/usage-table.js';
import type { Grid } from '../table-draft.js';

/** Rows per block: a UTC day of quarter hours. About 70 % of containers' blocks then fit into one PostgreSQL page. */
export const blockRows = 96;

/**
 * Rows `from` (included) to `to` (excluded). Row n is the instant `n * stepSeconds + endSeconds % stepSeconds`, so that jobs with the same step and phase
 * number instants alike.
 */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** The rows of a request. */
export function rangeOf({ endSeconds, stepSeconds, rows }: Grid): RowRange {
  const to = Math.floor(endSeconds / stepSeconds) + 1;
  return { from: to - rows, to };
}

/** Number of the block that contains a row. */
export function blockOf(row: number): number {
  return Math.floor(row / blockRows);
}

/** The rows that a block can contain. */
export function rowsOfBlock(block: number): RowRange {
  return { from: block * blockRows, to: (block + 1) * blockRows };
}

/** The intersection of two ranges; `to` = `from` if it is empty. */
export function intersect(one: RowRange, other: RowRange): RowRange {
  const from = Math.max(one.from, other.from);
  return { from, to: Math.max(from, Math.min(one.to, other.to)) };
}

/**
 * A label of a table, such as the JVM's version, which comes from the first of several series in its window. The datasource decides which is first, and
 * a part of the window may have another first series.
 */
export interface Sighting<T> {
  readonly value: T;
  /** The last row in which its series had a sample. */
  readonly lastRow: number;
  /** Another label that was seen in the window but comes after this one. */
  readonly behind?: T;
}

/**
 * The label of a window, from the stored label (of this or a longer window) and the label of its newest rows. Returns `unclear` if only a complete read can
 * decide: a new label may come before the stored one, or the stored one has left the window and its successor is not known.
 */
export function settleLabel<T>(
  stored: Sighting<T> | undefined,
  newest: Sighting<T> | undefined,
  window: RowRange,
): Sighting<T> | undefined | 'unclear' {
  if (!stored) return newest;
  if (newest && isDeepStrictEqual(newest.value, stored.value)) return { ...stored, lastRow: Math.max(stored.lastRow, newest.lastRow) };
  if (stored.lastRow < window.from || stored.lastRow >= window.to) return 'unclear';
  return !newest || isDeepStrictEqual(newest.value, stored.behind) ? stored : 'unclear';
}

/** The label of a window that was read completely; remembers as `behind` a different label of its newest rows. */
export function settleComplete<T>(complete: Sighting<T> | undefined, newest: Sighting<T> | undefined): Sighting<T> | undefined {
  return complete && newest && !isDeepStrictEqual(newest.value, complete.value) ? { ...complete, behind: newest.value } : complete;
}

/** The labels of an experiment's stored windows. */
export interface WindowLabels {
  /** The labels hold for the window that begins at this row, and for later windows that still contain the rows of the sightings. */
  readonly fromRow: number;
  readonly jvm?: Sighting<JvmInfo>;
  readonly model?: Sighting<string>;
}

/** Columns that depend on the GPU model. */
export const acceleratorColumns: readonly UsageColumn[] = ['acceleratorMemoryUsage.max', 'acceleratorCoreUsage.max'];

/** The labels of a table whose first row has this number. */
export function labelsOf(table: UsageTable, fromRow: number): WindowLabels {
  const { jvm, acceleratorModel } = table;
  const lastInterval = table.present.lastIndexOf(1);
  return {
    fromRow,
    ...(jvm && { jvm: { value: jvm, lastRow: fromRow + (table.jvmLastRow ?? lastInterval) } }),
    ...(acceleratorModel && { model: { value: acceleratorModel, lastRow: fromRow + (lastAccelerated(table) ?? lastInterval) } }),
  };
}

/** The labels of a window; undefined if it must be read completely. The result also holds for the longer, stored window. */
export function settleLabels(stored: WindowLabels, newest: WindowLabels, window: RowRange): WindowLabels | undefined {
  if (window.from < stored.fromRow) return undefined;
  const jvm = settleLabel(stored.jvm, newest.jvm, window);
  const model = settleLabel(stored.model, newest.model, window);
  if (jvm === 'unclear' || model === 'unclear') return undefined;
  return { fromRow: stored.fromRow, ...(jvm && { jvm }), ...(model && { model }) };
}

/** The labels of a window that was read completely after a partial read of its newest rows. */
export function settleCompleteLabels(complete: WindowLabels, newest: WindowLabels): WindowLabels {
  const jvm = settleComplete(complete.jvm, newest.jvm);
  const model = settleComplete(complete.model, newest.model);
  return { fromRow: complete.fromRow, ...(jvm && { jvm }), ...(model && { model }) };
}

function lastAccelerated({ columns }: UsageTable): number | undefined {
  const last = Math.max(-1, ...acceleratorColumns.map((name) => columns[name]?.findLastIndex((value) => !Number.isNaN(value)) ?? -1));
  return last < 0 ? undefined : last;
}
