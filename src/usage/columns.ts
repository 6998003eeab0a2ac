import type { UsageTable } from '../recommendation/usage-table.js';

/** Most memory that is kept for later, in one thread: the tables of a shard of a hundred over 15 days. */
const mostKeptBytes = 32 * 1024 * 1024;

/** Columns that nobody looks at any more, by length. */
const kept = new Map<number, Float64Array[]>();
let keptBytes = 0;

/**
 * A column of so many rows; its values are whatever they were. A job over 500 containers fills some 200 MB of columns: to make and forget each anew costs
 * the garbage collector more than filling them (measured: docs/performance.md).
 */
export function takeColumn(rows: number): Float64Array {
  const column = kept.get(rows)?.pop();
  if (!column) return new Float64Array(rows);
  keptBytes -= column.byteLength;
  return column;
}

/** Gives a column back: nobody may look at it any more. */
export function giveColumn(column: Float64Array): void {
  // What is kept may be of lengths that nobody asks for any more.
  if (keptBytes + column.byteLength > mostKeptBytes) forgetColumns();
  const alike = kept.get(column.length);
  if (alike) alike.push(column);
  else kept.set(column.length, [column]);
  keptBytes += column.byteLength;
}

/** Gives the columns of tables back; a column may stand in a table several times. */
export function giveTables(tables: readonly Pick<UsageTable, 'columns'>[]): void {
  for (const column of new Set(tables.flatMap(({ columns }) => Object.values(columns)))) giveColumn(column);
}

function forgetColumns(): void {
  kept.clear();
  keptBytes = 0;
}
