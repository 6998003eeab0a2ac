import type { Experiment } from '../../experiments/experiment.js';
import type { UsageColumn, UsageTable } from '../../recommendation/usage-table.js';
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
  settleLabels,
  settleWholeLabels,
  type WindowLabels,
} from './window-rows.js';

/** What is stored of one experiment. */
export interface StoredWindows {
  /** Ascending by number, none twice. */
  readonly blocks: readonly WindowBlock[];
  /** The rows that are there without a gap from the first wanted one on; may reach beyond the last wanted one. */
  readonly known: RowRange;
  /** Absent where nothing is known. */
  readonly labels?: WindowLabels;
}

/** Looks through an experiment's blocks for the rows from `firstRow` on. */
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

/**
 * The table of the window from its stored rows before `seam` and, from there on, those of a table that was read anew and ends where the window does.
 * Labels are the caller's to set.
 */
export function mergeTables({ blocks }: StoredWindows, newest: UsageTable, window: RowRange, seam: number): TableDraft {
  const { endSeconds, stepSeconds } = newest;
  const draft = new TableDraft({ endSeconds, stepSeconds, rows: window.to - window.from });
  for (const block of blocks) readBlock(block, { from: window.from, to: seam }, draft, window.from);
  copyRows(newest, newest.length - (window.to - seam), draft, seam - window.from, window.to - seam);
  return draft;
}

/** The blocks that a window's rows from `seam` on change, written anew into the buffer; what they hold before the window stays in them. */
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

/** A block with these rows of the source and with those of `before` that come right before them; undefined where there are none. */
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

/** An experiment's window as it was read. */
export interface ReadWindow {
  readonly table: UsageTable;
  readonly labels: WindowLabels;
  /** The first row that was read anew. */
  readonly seam: number;
  /** False: the newest rows alone do not tell which labels the window has; `labels` are theirs. */
  readonly isSettled: boolean;
}

/** A window that was read whole, after its newest rows had been read alone if they did not settle it. */
export function wholeWindow(table: UsageTable, window: RowRange, newest?: ReadWindow): ReadWindow {
  const labels = labelsOf(table, window.from);
  return { table, seam: window.from, labels: newest ? settleWholeLabels(labels, newest.labels) : labels, isSettled: true };
}

/** A window from what is stored of it and its newest rows, with those before them that a partial read does not get right. */
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

/** Whether a container's table shows no CPU activity: then whether it is dropped is decided by asking about longer ago than the window. */
export function isIdle({ type }: Experiment, { columns }: UsageTable): boolean {
  return type === 'container' && !columns['cpuUsage.avg']?.some((value) => value > 0);
}

/** Whether a JVM series that goes behind another one has made intervals of its own: the other one may not have them. */
function hidesIntervals({ jvm, present, columns }: UsageTable, labels: WindowLabels): boolean {
  if (!jvm || JSON.stringify(jvm) === JSON.stringify(labels.jvm?.value)) return false;
  const all = Object.values(columns);
  return present.some((flag, row) => flag === 1 && all.every((values) => Number.isNaN(values[row])));
}

/** Without the samples of a GPU that goes behind another one: a window has those of one model. */
function withoutAccelerators(table: UsageTable): UsageTable {
  return { ...table, columns: columnsWhere(table, (name) => !acceleratorColumns.includes(name)) };
}

/** A column whose samples are all older than the window is none. */
function withoutEmptyColumns(table: UsageTable): UsageTable {
  return { ...table, columns: columnsWhere(table, (_, values) => values.some((value) => !Number.isNaN(value))) };
}

function columnsWhere({ columns }: UsageTable, isKept: (name: UsageColumn, values: Float64Array) => boolean): UsageTable['columns'] {
  const entries = Object.entries(columns) as [UsageColumn, Float64Array][];
  return Object.fromEntries(entries.filter(([name, values]) => isKept(name, values)));
}

/** Experiments (by their places in the request) whose newest `rows` are read together. */
export interface PartialRead {
  readonly places: readonly number[];
  readonly rows: number;
}

/** GPU samples are attached to intervals within 5 minutes: rows that near to the first one read are incomplete, since samples before it are not read. */
export const attachSeconds = 300;

/** Rows at the beginning of a partial read that are not used: a sample may be attached so far away, and intervals decide that are as far from it. */
export function marginRows(stepSeconds: number): number {
  return 2 * Math.floor(attachSeconds / stepSeconds);
}

/**
 * Which newest rows must be read of each experiment of a window, from what is known of it: what is missing, and of what is known the last
 * `overlapSeconds`, in which samples may have come late. Experiments that need about as many rows are read together.
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
