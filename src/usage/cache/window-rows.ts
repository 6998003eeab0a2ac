import type { JvmInfo, UsageColumn, UsageTable } from '../../recommendation/usage-table.js';

/** Rows of one block: a UTC day of quarter hours. Seven of ten containers' blocks then fit a page of PostgreSQL. */
export const blockRows = 96;

/**
 * Rows `from` (included) to `to` (excluded). Row n is the instant `n * stepSeconds + endSeconds % stepSeconds`, so that jobs of one step and one
 * phase of their ends number an instant alike.
 */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** The rows that a request wants. */
export function rangeOf({
  endSeconds,
  stepSeconds,
  rows,
}: {
  readonly endSeconds: number;
  readonly stepSeconds: number;
  readonly rows: number;
}): RowRange {
  const to = Math.floor(endSeconds / stepSeconds) + 1;
  return { from: to - rows, to };
}

/** The block that holds a row. */
export function blockOf(row: number): number {
  return Math.floor(row / blockRows);
}

/** The rows that a block has room for. */
export function rowsOfBlock(block: number): RowRange {
  return { from: block * blockRows, to: (block + 1) * blockRows };
}

/** What both ranges hold; empty (`to` = `from`) where nothing. */
export function intersect(one: RowRange, other: RowRange): RowRange {
  const from = Math.max(one.from, other.from);
  return { from, to: Math.max(from, Math.min(one.to, other.to)) };
}

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

/** The labels of an experiment's stored windows. */
export interface WindowLabels {
  /** They hold for the window that begins at this row, and for later ones as long as the rows of their sightings are in them. */
  readonly fromRow: number;
  readonly jvm?: Sighting<JvmInfo>;
  readonly model?: Sighting<string>;
}

/** Columns that belong to the GPU model of the label. */
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

/** The labels of a window; undefined = it must be read whole. What is kept holds for the longer, stored window too. */
export function settleLabels(stored: WindowLabels, newest: WindowLabels, window: RowRange): WindowLabels | undefined {
  if (window.from < stored.fromRow) return undefined;
  const jvm = settleLabel(stored.jvm, newest.jvm, window);
  const model = settleLabel(stored.model, newest.model, window);
  if (jvm === 'unclear' || model === 'unclear') return undefined;
  return { fromRow: stored.fromRow, ...(jvm && { jvm }), ...(model && { model }) };
}

/** The labels of a window that was read whole after its newest rows had been read alone. */
export function settleWholeLabels(whole: WindowLabels, newest: WindowLabels): WindowLabels {
  const jvm = settleWhole(whole.jvm, newest.jvm);
  const model = settleWhole(whole.model, newest.model);
  return { fromRow: whole.fromRow, ...(jvm && { jvm }), ...(model && { model }) };
}

function lastAccelerated({ columns }: UsageTable): number | undefined {
  const last = Math.max(-1, ...acceleratorColumns.map((name) => columns[name]?.findLastIndex((value) => !Number.isNaN(value)) ?? -1));
  return last < 0 ? undefined : last;
}
