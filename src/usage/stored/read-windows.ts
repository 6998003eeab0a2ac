import type { Experiment } from '../../experiments/experiment.js';
import type { UsageColumn, UsageTable } from '../../recommendation/usage-table.js';
import { marginRows } from './plan-partial-reads.js';
import type { RowRange } from './row-numbers.js';
import { mergeTables, type StoredWindows } from './stored-windows.js';
import { acceleratorColumns, labelsOf, settleLabels, settleWholeLabels, type WindowLabels } from './window-labels.js';

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
