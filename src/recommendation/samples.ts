import type { UsageColumn, UsageTable } from './usage-table.js';

/** Beyond this no sample is a measurement; without the bound sums and quotients of samples could leave the numbers JSON can write. */
const mostPlausible = 1e100;

/** Whether the number is a sample: NaN, infinite and absurd numbers are not (E15). */
export function isSample(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) <= mostPlausible;
}

/** The sample, or 0 where there is none: the engine's rule for whatever is missing (recommendations.md 5). */
export function sampleOrZero(value: number): number {
  return Math.abs(value) <= mostPlausible ? value : 0;
}

/** Indices of the rows that are intervals, oldest first. */
export function intervalRows({ present, length }: UsageTable): Int32Array {
  const rows = new Int32Array(length);
  let count = 0;
  for (let row = 0; row < length; row++) if (present[row]) rows[count++] = row;
  return rows.subarray(0, count);
}

/** End of each of the rows, Unix seconds. */
export function timesOf({ endSeconds, stepSeconds, length }: UsageTable, rows: Int32Array): Float64Array {
  const times = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) times[at] = endSeconds - (length - 1 - rows[at]!) * stepSeconds;
  return times;
}

/** A column of the table; for one that the table does not have a column of zeros, which is what is made of missing samples. */
export type ColumnOf = (column: UsageColumn) => Float64Array;

/** Gives a table's columns as they are, so that nothing is copied: read them through sampleOrZero, and never write to them. */
export function columnsIn({ columns, length }: UsageTable): ColumnOf {
  let none: Float64Array | undefined;
  const zeros = () => {
    none ??= new Float64Array(length);
    return none;
  };
  return (column) => columns[column] ?? zeros();
}

/** Samples of a column at these rows, 0 where there is none. */
export function samplesAt(column: Float64Array, rows: Int32Array): Float64Array {
  const samples = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) samples[at] = sampleOrZero(column[rows[at]!]!);
  return samples;
}

/** 1 for each interval where any of the columns has a sample: there the metric, and so its format, is known. */
export function sampledIn(usage: UsageTable, columns: readonly UsageColumn[], rows: Int32Array): Uint8Array {
  const sampled = new Uint8Array(rows.length);
  for (const column of columns) {
    const values = usage.columns[column];
    if (values) for (let at = 0; at < rows.length; at++) if (isSample(values[rows[at]!])) sampled[at] = 1;
    if (!sampled.includes(0)) break;
  }
  return sampled;
}
