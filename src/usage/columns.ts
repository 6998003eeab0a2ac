import type { UsageTable } from '../recommendation/usage-table.js';

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
