import { isDeepStrictEqual } from 'node:util';
import type { Experiment } from '../../experiments/experiment.js';
import { attachSeconds, type UsageColumn, type UsageTable } from '../../recommendation/usage-table.js';
import { giveTables, TableDraft } from '../table-draft.js';
import type { GrowingBuffer } from './growing-buffer.js';
import { type BlockSource, BlockWriter, copyRows, labelsIn, readBlock, rowsIn, type WindowBlock } from './window-block.js';
import {
  acceleratorColumns,
  blockOf,
  intersect,
  labelsOf,
  RowRange,
  rowsOfBlock,
  settleCompleteLabels,
  settleLabels,
  type WindowLabels,
} from './window-rows.js';

/** The stored windows of one experiment. */
export interface StoredWindows {
  /** Ascending by number, without duplicates. */
  readonly blocks: readonly WindowBlock[];
  /** Stored rows without a gap, starting at the first requested row; may extend beyond the last requested row. */
  readonly known: RowRange;
  /** Absent if no rows are known. */
  readonly labels?: WindowLabels;
}

/** Finds the known rows from `firstRow` on in an experiment's blocks. */
export function findKnown(unsorted: readonly WindowBlock[], firstRow: number): StoredWindows {
  const blocks = [...unsorted].sort((a, b) => a.number - b.number);
  let to = firstRow;
  let newest: WindowBlock | undefined;
  for (const block of blocks) {
    const held = rowsIn(block);
    if (held.from > to || held.to <= to) continue;
    to = held.to;
    newest = block;
  }
  return { blocks, known: { from: firstRow, to }, ...(newest && { labels: labelsIn(newest) }) };
}

/** Joins a window's stored rows before `seam` with the later rows of `newest`, a table with the same end. The caller sets the labels. */
export function mergeTables({ blocks }: StoredWindows, newest: UsageTable, window: RowRange, seam: number): TableDraft {
  const { endSeconds, stepSeconds } = newest;
  const draft = new TableDraft({ endSeconds, stepSeconds, rows: window.to - window.from });
  for (const block of blocks) readBlock(block, { from: window.from, to: seam }, draft, window.from);
  copyRows(newest, newest.length - (window.to - seam), draft, seam - window.from, window.to - seam);
  return draft;
}

/** Writes the blocks that are changed by a window's rows from `seam` on into the buffer. Rows directly before the window are kept. */
export function changedBlocks(
  source: BlockSource,
  { window, seam, stored }: { readonly window: RowRange; readonly seam: number; readonly stored: readonly WindowBlock[] },
  buffer: GrowingBuffer,
): WindowBlock[] {
  const changed: WindowBlock[] = [];
  const writer = new BlockWriter(source, buffer);
  for (let number = blockOf(seam); number <= blockOf(window.to - 1); number++) {
    const before = stored.find((block) => block.number === number);
    const rows = intersect(rowsOfBlock(number), window);
    const block = (before && joinBlock(source, rows, before, buffer)) ?? writer.write(rows);
    if (!before?.data.equals(block.data)) changed.push(block);
  }
  return changed;
}

/** Writes a block with these rows of the source and the rows of `before` that directly precede them; undefined if there are none. */
function joinBlock(source: BlockSource, rows: RowRange, before: WindowBlock, buffer: GrowingBuffer): WindowBlock | undefined {
  const held = rowsIn(before);
  if (held.from >= rows.from || held.to < rows.from) return undefined;
  const all = { from: held.from, to: rows.to };
  const draft = new TableDraft({ endSeconds: 0, stepSeconds: 1, rows: all.to - all.from });
  readBlock(before, { from: all.from, to: rows.from }, draft, all.from);
  copyRows(source.table, rows.from - source.firstRow, draft, rows.from - all.from, rows.to - rows.from);
  const table = draft.finish();
  const block = new BlockWriter({ ...source, table, firstRow: all.from }, buffer).write(all);
  giveTables([table]);
  return block;
}

/** A window that was read. */
export interface ReadWindow {
  readonly table: UsageTable;
  readonly labels: WindowLabels;
  /** The first row that is not from the store. */
  readonly seam: number;
  /** False if the window's labels cannot be derived from the newest rows; then `labels` are those of the newest rows. */
  readonly isSettled: boolean;
}

/** A window that was read completely; `newest` is the earlier partial read that did not settle it, if any. */
export function completeWindow(table: UsageTable, window: RowRange, newest?: ReadWindow): ReadWindow {
  const labels = labelsOf(table, window.from);
  return { table, seam: window.from, labels: newest ? settleCompleteLabels(labels, newest.labels) : labels, isSettled: true };
}

/** Joins a stored window and its newest rows, without the rows at their beginning that a partial read may get wrong. */
export function mergeWindow(stored: StoredWindows, newest: UsageTable, window: RowRange): ReadWindow {
  const firstRead = window.to - newest.length;
  const seam = firstRead + marginRows(newest.stepSeconds);
  const newestLabels = labelsOf(newest, firstRead);
  const labels = stored.labels && settleLabels(stored.labels, newestLabels, window);
  const isOfModel = newest.acceleratorModel === labels?.model?.value;
  const draft = mergeTables(stored, isOfModel ? newest : withoutAccelerators(newest), window, seam);
  const isSettled = labels !== undefined && !hidesIntervals(newest, labels);
  draft.jvm = labels?.jvm?.value;
  if (labels?.jvm) draft.jvmLastRow = Math.min(labels.jvm.lastRow, window.to - 1) - window.from;
  draft.acceleratorModel = labels?.model?.value;
  return { table: withoutEmptyColumns(draft.finish()), seam, labels: labels && isSettled ? labels : newestLabels, isSettled };
}

/** Whether a container's table shows no CPU activity. Whether it is dropped then depends on activity before the window. */
export function isIdle({ type }: Experiment, { columns }: UsageTable): boolean {
  return type === 'container' && !columns['cpuUsage.avg']?.some((value) => value > 0);
}

/** Whether intervals may exist only because of a JVM series that is not the window's first: a complete read may not have them. */
function hidesIntervals({ jvm, present, columns }: UsageTable, labels: WindowLabels): boolean {
  if (!jvm || isDeepStrictEqual(jvm, labels.jvm?.value)) return false;
  const all = Object.values(columns);
  return present.some((flag, row) => flag === 1 && all.every((values) => Number.isNaN(values[row])));
}

/** Removes GPU samples, because a window has samples of one model only, and these belong to another one. */
function withoutAccelerators(table: UsageTable): UsageTable {
  return { ...table, columns: columnsWhere(table, (name) => !acceleratorColumns.includes(name)) };
}

/** Removes columns without samples in the window. */
function withoutEmptyColumns(table: UsageTable): UsageTable {
  return { ...table, columns: columnsWhere(table, (_, values) => values.some((value) => !Number.isNaN(value))) };
}

function columnsWhere({ columns }: UsageTable, isKept: (name: UsageColumn, values: Float64Array) => boolean): UsageTable['columns'] {
  const entries = Object.entries(columns) as [UsageColumn, Float64Array][];
  return Object.fromEntries(entries.filter(([name, values]) => isKept(name, values)));
}

/** Experiments, by their places in the request, whose newest `rows` are read together. */
export interface PartialRead {
  readonly places: readonly number[];
  readonly rows: number;
}

/**
 * First rows of a partial read that are not used, because earlier samples are not read: a GPU sample is attached to a row up to 5 minutes
 * away, depending on intervals up to 5 minutes around it.
 */
export function marginRows(stepSeconds: number): number {
  return 2 * Math.floor(attachSeconds / stepSeconds);
}

/**
 * Decides how many of the newest rows to read per experiment: the missing rows and the last `overlapSeconds` of the known ones, where samples may have
 * arrived late. Experiments that need about the same number of rows are read together.
 */
export function planPartialReads(
  known: readonly RowRange[],
  window: RowRange,
  { stepSeconds, overlapSeconds }: { readonly stepSeconds: number; readonly overlapSeconds: number },
): PartialRead[] {
  const all = window.to - window.from;
  const margin = marginRows(stepSeconds);
  const overlap = Math.max(1, Math.ceil(overlapSeconds / stepSeconds), margin);
  const reads = new Map<number, { places: number[]; rows: number }>();
  for (const [place, { to }] of known.entries()) {
    const seam = Math.min(to, window.to) - overlap;
    const rows = Math.min(all, seam <= window.from ? all : window.to - seam + margin);
    const size = rows === all ? Number.POSITIVE_INFINITY : Math.ceil(Math.log2(rows));
    const read = reads.get(size) ?? { places: [], rows: 0 };
    read.places.push(place);
    read.rows = Math.max(read.rows, rows);
    reads.set(size, read);
  }
  return [...reads.values()];
}
