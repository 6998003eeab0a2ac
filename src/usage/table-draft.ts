import type { PrometheusSeries } from '../datasource/datasource-client.js';
import { isSupportedAccelerator } from '../recommendation/mig-profiles.js';
import { type JvmInfo, nearestInterval, type UsageColumn, type UsageTable } from '../recommendation/usage-table.js';

/** Maximum memory of unused columns, per thread: the tables of a shard of 64 experiments over 15 days. */
const maxKeptBytes = 20 * 1024 * 1024;

/** Unused columns by length, least recently used length first. */
const kept = new Map<number, Float64Array[]>();
let keptBytes = 0;

/**
 * Returns a column with the given number of rows and undefined contents. A job over 500 containers fills some 200 MB of columns; allocating and collecting
 * them costs more than filling them (measured: docs/performance.md).
 */
export function takeColumn(rows: number): Float64Array {
  const column = keptOf(rows).pop();
  if (!column) return new Float64Array(rows);
  keptBytes -= column.byteLength;
  return column;
}

/** Returns a column for reuse: do not read it after this call. */
export function giveColumn(column: Float64Array): void {
  keptOf(column.length).push(column);
  keptBytes += column.byteLength;
  for (const [rows, columns] of kept) {
    if (keptBytes <= maxKeptBytes) return;
    // Drops all columns of the least recently used lengths first; of this column's own length only one.
    const forgotten = rows === column.length ? 1 : columns.length;
    columns.length -= forgotten;
    keptBytes -= forgotten * rows * Float64Array.BYTES_PER_ELEMENT;
    if (columns.length === 0) kept.delete(rows);
  }
}

/** The unused columns of a length, which becomes the most recently used one. */
function keptOf(rows: number): Float64Array[] {
  const columns = kept.get(rows) ?? [];
  kept.delete(rows);
  kept.set(rows, columns);
  return columns;
}

/** Returns the columns of tables for reuse. A table may contain a column several times. */
export function giveTables(tables: readonly Pick<UsageTable, 'columns'>[]): void {
  for (const column of new Set(tables.flatMap(({ columns }) => Object.values(columns)))) giveColumn(column);
}

/** The instants of a table: `rows` of them, `stepSeconds` apart, the last at `endSeconds`. */
export interface Grid {
  readonly endSeconds: number;
  readonly stepSeconds: number;
  readonly rows: number;
}

/** Epoch seconds of a row. */
export function instantOf(grid: Grid, row: number): number {
  return grid.endSeconds - (grid.rows - 1 - row) * grid.stepSeconds;
}

/** The row of an instant, or -1 if the grid has none. Tolerates rounding to milliseconds by the server. */
export function rowOf(grid: Grid, seconds: number): number {
  const row = grid.rows - 1 + Math.round((seconds - grid.endSeconds) / grid.stepSeconds);
  const isOnGrid = row >= 0 && row < grid.rows && Math.abs(seconds - instantOf(grid, row)) < 0.01;
  return isOnGrid ? row : -1;
}

/** A UsageTable under construction, filled by a reader. */
export class TableDraft {
  readonly present: Uint8Array;
  jvm?: JvmInfo;
  jvmLastRow?: number;
  acceleratorModel?: string;
  private columns: Partial<Record<UsageColumn, Float64Array>> = {};

  constructor(readonly grid: Grid) {
    this.present = new Uint8Array(grid.rows);
  }

  /** The column to write to. The first call creates it, filled with NaN, so call this only if there is a value. */
  columnOf(name: UsageColumn): Float64Array {
    this.columns[name] ??= takeColumn(this.grid.rows).fill(Number.NaN);
    return this.columns[name];
  }

  /** Sets a complete column, which other names may share. */
  setColumn(name: UsageColumn, column: Float64Array): void {
    this.columns[name] = column;
  }

  /** Sets the JVM and the last row of its series. Prefers `jvm_info` over `jvm_info_total`, whatever the order of arrival. */
  setJvm(variable: string, { runtime = '', vendor = '', version = '' }: PrometheusSeries['labels'], findLastRow: () => number): void {
    if (this.jvm && variable === 'jvmInfoTotal') return;
    this.jvm = { runtime, vendor, version };
    this.jvmLastRow = findLastRow();
  }

  /** Whether the column has a value other than zero. */
  hasActivity(name: UsageColumn): boolean {
    return this.columns[name]?.some((value) => value > 0) ?? false;
  }

  /** Removes everything: the experiment has no usage. */
  clear(): void {
    this.present.fill(0);
    this.columns = {};
    this.jvm = undefined;
    this.jvmLastRow = undefined;
    this.acceleratorModel = undefined;
  }

  finish(): UsageTable {
    const { endSeconds, stepSeconds, rows } = this.grid;
    return {
      endSeconds,
      stepSeconds,
      length: rows,
      present: this.present,
      columns: this.columns,
      ...(this.jvm && { jvm: this.jvm }),
      ...(this.jvm && this.jvmLastRow !== undefined && { jvmLastRow: this.jvmLastRow }),
      ...(this.acceleratorModel && { acceleratorModel: this.acceleratorModel }),
    };
  }
}

/** `modelName` of the first series of a supported accelerator. Skips a series without the label, which in Kruize fails the experiment. */
export function detectAccelerator(series: readonly PrometheusSeries[]): string | undefined {
  return series.map(({ labels }) => labels.modelName).find((name) => name !== undefined && isSupportedAccelerator(name));
}

/**
 * Attaches the samples of the draft's accelerator model to the nearest existing interval within 5 minutes, on a tie to the earlier one. If an interval
 * gets several samples, the last wins, as in Kruize. Call this after all other metrics are read: accelerators make no intervals.
 */
export function attachAccelerator(draft: TableDraft, name: UsageColumn, series: readonly PrometheusSeries[]): void {
  const model = draft.acceleratorModel?.toLowerCase();
  const table = { present: draft.present, stepSeconds: draft.grid.stepSeconds };
  for (const { samples } of series.filter(({ labels }) => labels.modelName?.toLowerCase() === model)) {
    for (const [seconds, text] of samples) {
      const value = Number(text);
      const row = nearestInterval(table, rowOf(draft.grid, seconds));
      if (Number.isFinite(value) && row >= 0) draft.columnOf(name)[row] = value;
    }
  }
}
