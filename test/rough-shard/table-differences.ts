import type { UsageColumn, UsageTable } from '../../src/recommendation/usage-table.js';

/** Returns the differences of two tables, at most one line per column. Compares presence and labels exactly, numbers with the tolerance `relative`. Ignores `count`, which PromQL lacks. */
export function tableDifferences(one: UsageTable, other: UsageTable, relative = 1e-9): string[] {
  const names = [...new Set([...Object.keys(one.columns), ...Object.keys(other.columns)])].filter((name) => !name.endsWith('.count'));
  const row = one.present.findIndex((value, i) => value !== other.present[i]);
  return [
    ...(row >= 0 ? [`present: row ${row}: ${one.present[row]} ${other.present[row]}`] : []),
    ...(JSON.stringify(one.jvm) === JSON.stringify(other.jvm) ? [] : [`jvm: ${JSON.stringify(one.jvm)} ${JSON.stringify(other.jvm)}`]),
    ...names.flatMap((name) => columnDifference(name as UsageColumn, one, other, relative)),
  ];
}

function columnDifference(name: UsageColumn, one: UsageTable, other: UsageTable, relative: number): string[] {
  const [left, right] = [one.columns[name], other.columns[name]];
  if (!left || !right) return [`${name}: only in the ${left ? 'first' : 'second'} table`];
  const row = left.findIndex((value, i) => !isClose(value, right[i]!, relative));
  return row < 0 ? [] : [`${name}: row ${row}: ${left[row]} ${right[row]}`];
}

function isClose(one: number, other: number, relative: number): boolean {
  if (Object.is(one, other) || one === other) return true;
  return Math.abs(one - other) <= relative * Math.max(Math.abs(one), Math.abs(other));
}

/** Rows whose number of series differs from sum / avg. */
export function miscountedRows({ columns }: UsageTable): number[] {
  const [sum, avg, count] = [columns['cpuUsage.sum'], columns['cpuUsage.avg'], columns['cpuUsage.count']];
  if (!sum || !avg || !count) return [];
  return [...count.keys()].filter((row) => !Object.is(count[row], avg[row]! > 0 ? Math.round(sum[row]! / avg[row]!) : Number.NaN));
}
