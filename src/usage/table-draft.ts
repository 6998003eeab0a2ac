import type { PrometheusSeries } from '../datasource/datasource-client.js';
import type { JvmInfo, UsageColumn, UsageTable } from '../recommendation/usage-table.js';

/** Most memory that is kept for later, in one thread: the tables of a shard of 64 over 15 days. */
const mostKeptBytes = 20 * 1024 * 1024;

/** Columns that nobody looks at any more, by length; the length that was used last comes last. */
const kept = new Map<number, Float64Array[]>();
let keptBytes = 0;

/**
 * A column of so many rows; its values are whatever they were. A job over 500 containers fills some 200 MB of columns: to make and forget each anew costs
 * the garbage collector more than filling them (measured: docs/performance.md).
 */
export function takeColumn(rows: number): Float64Array {
  const column = keptOf(rows).pop();
  if (!column) return new Float64Array(rows);
  keptBytes -= column.byteLength;
  return column;
}

/** Gives a column back: nobody may look at it any more. */
export function giveColumn(column: Float64Array): void {
  keptOf(column.length).push(column);
  keptBytes += column.byteLength;
  for (const [rows, columns] of kept) {
    if (keptBytes <= mostKeptBytes) return;
    // Of lengths that nobody asked for lately all are forgotten, of the column's own only this one.
    const forgotten = rows === column.length ? 1 : columns.length;
    columns.length -= forgotten;
    keptBytes -= forgotten * rows * Float64Array.BYTES_PER_ELEMENT;
    if (columns.length === 0) kept.delete(rows);
  }
}

/** The columns of a length, which thereby is the one that was used last. */
function keptOf(rows: number): Float64Array[] {
  const columns = kept.get(rows) ?? [];
  kept.delete(rows);
  kept.set(rows, columns);
  return columns;
}

/** Gives the columns of tables back; a column may stand in a table several times. */
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

/** The row of an instant, or -1 where the grid has none; the server's rounding to milliseconds is allowed for. */
export function rowOf(grid: Grid, seconds: number): number {
  const row = grid.rows - 1 + Math.round((seconds - grid.endSeconds) / grid.stepSeconds);
  const isOnGrid = row >= 0 && row < grid.rows && Math.abs(seconds - instantOf(grid, row)) < 0.01;
  return isOnGrid ? row : -1;
}

/** A UsageTable while it is filled, by whichever reader. */
export class TableDraft {
  readonly present: Uint8Array;
  jvm?: JvmInfo;
  jvmLastRow?: number;
  acceleratorModel?: string;
  private columns: Partial<Record<UsageColumn, Float64Array>> = {};

  constructor(readonly grid: Grid) {
    this.present = new Uint8Array(grid.rows);
  }

  /** The column to write to; made, full of NaN, at its first use: ask for it only when there is a value. */
  columnOf(name: UsageColumn): Float64Array {
    this.columns[name] ??= takeColumn(this.grid.rows).fill(Number.NaN);
    return this.columns[name];
  }

  /** Takes a column that is whole; it may be the same as another one's. */
  setColumn(name: UsageColumn, column: Float64Array): void {
    this.columns[name] = column;
  }

  /** Whether the column has a value other than zero. */
  hasActivity(name: UsageColumn): boolean {
    return this.columns[name]?.some((value) => value > 0) ?? false;
  }

  /** Forgets everything: the experiment has no usage. */
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

const supportedModels = ['A100', 'H100', 'H200'];
/** A sample further from every interval is dropped. */
const farthestSeconds = 300;

/**
 * `modelName` of the first series of a supported accelerator (spec: recommendations.md 9.1); undefined = none. A series without the label is passed
 * over, where the reference fails the experiment.
 */
export function detectAccelerator(series: readonly PrometheusSeries[]): string | undefined {
  return series
    .map(({ labels }) => labels.modelName)
    .find((name) => name !== undefined && supportedModels.some((model) => name.toUpperCase().includes(model)));
}

/**
 * Attaches the samples of the draft's accelerator model to the nearest existing interval within 5 minutes, the earlier of two equally near; of
 * several at one interval the last stays (9.2). Call it when all other metrics are read: accelerators make no intervals.
 */
export function attachAccelerator(draft: TableDraft, name: UsageColumn, series: readonly PrometheusSeries[]): void {
  const model = draft.acceleratorModel?.toLowerCase();
  for (const { samples } of series.filter(({ labels }) => labels.modelName?.toLowerCase() === model)) {
    for (const [seconds, text] of samples) {
      const value = Number(text);
      const row = nearestInterval(draft, rowOf(draft.grid, seconds));
      if (Number.isFinite(value) && row >= 0) draft.columnOf(name)[row] = value;
    }
  }
}

function nearestInterval({ grid, present }: TableDraft, row: number): number {
  if (row < 0) return -1;
  for (let distance = 0; distance * grid.stepSeconds <= farthestSeconds; distance++) {
    if (present[row - distance]) return row - distance;
    if (present[row + distance]) return row + distance;
  }
  return -1;
}
