import type { SizedKind, Term } from './settings.js';

/** Metrics that the engine reads, as Kruize's metric profile names them (spec: recommendations.md 1.3-1.5). */
export const usageMetrics = [
  'cpuRequest',
  'cpuLimit',
  'memoryRequest',
  'memoryLimit',
  'cpuUsage',
  'cpuThrottle',
  'memoryUsage',
  'memoryRSS',
  'namespaceCpuRequest',
  'namespaceCpuLimit',
  'namespaceMemoryRequest',
  'namespaceMemoryLimit',
  'namespaceCpuUsage',
  'namespaceCpuThrottle',
  'namespaceMemoryUsage',
  'namespaceMemoryRSS',
  'namespaceTotalPods',
  'acceleratorCoreUsage',
  'acceleratorMemoryUsage',
] as const;
export type UsageMetric = (typeof usageMetrics)[number];

/** `count` = number of series in the interval, where the reader knows it; then it replaces `sum / avg` in pods_count. */
export type UsageFunction = 'avg' | 'min' | 'max' | 'sum' | 'count';
export type UsageColumn = `${UsageMetric}.${UsageFunction}`;

/** Labels of the first `jvm_info` / `jvm_info_total` series. */
export interface JvmInfo {
  readonly runtime: string;
  readonly vendor: string;
  readonly version: string;
}

/**
 * Usage of one experiment on the interval grid. Row `i` is the instant `endSeconds - (length - 1 - i) * stepSeconds`, oldest first.
 * Columns have one value a row; NaN = no sample; an absent column = no sample at all. CPU in cores, memory in bytes, accelerators in percent.
 */
export interface UsageTable {
  readonly endSeconds: number;
  readonly stepSeconds: number;
  readonly length: number;
  /** 1 where any metric of the experiment (JVM info included) has an instant: such a row is an interval (E4). */
  readonly present: Uint8Array;
  readonly columns: Partial<Record<UsageColumn, Float64Array>>;
  readonly jvm?: JvmInfo;
  /** The last row that the series of `jvm` has a sample in; absent where the reader does not tell. */
  readonly jvmLastRow?: number;
  /** `modelName` label of the detected GPU (section 9.1). */
  readonly acceleratorModel?: string;
}

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

const columns = <M extends UsageMetric>(metric: M, ...functions: UsageFunction[]) =>
  functions.map((name): UsageColumn => `${metric}.${name}`);

/**
 * Columns that change a result (recommendations.md 1.7 and 8): readers ask these and no others.
 * All functions of one metric have the same instants, so leaving some out cannot change which rows are present.
 */
export const columnsRead: Readonly<Record<SizedKind, readonly UsageColumn[]>> = {
  container: [
    ...columns('cpuRequest', 'avg'),
    ...columns('cpuLimit', 'avg'),
    ...columns('memoryRequest', 'avg'),
    ...columns('memoryLimit', 'avg'),
    ...columns('cpuUsage', 'avg', 'min', 'max', 'sum'),
    ...columns('cpuThrottle', 'avg', 'min', 'max', 'sum'),
    ...columns('memoryUsage', 'avg', 'min', 'max', 'sum'),
    ...columns('memoryRSS', 'min', 'max'),
    ...columns('acceleratorCoreUsage', 'max'),
    ...columns('acceleratorMemoryUsage', 'max'),
  ],
  namespace: [
    ...columns('namespaceCpuRequest', 'sum'),
    ...columns('namespaceCpuLimit', 'sum'),
    ...columns('namespaceMemoryRequest', 'sum'),
    ...columns('namespaceMemoryLimit', 'sum'),
    ...columns('namespaceCpuUsage', 'avg', 'min', 'max'),
    ...columns('namespaceCpuThrottle', 'avg', 'min', 'max'),
    ...columns('namespaceMemoryUsage', 'min', 'max'),
    ...columns('namespaceMemoryRSS', 'min', 'max'),
    ...columns('namespaceTotalPods', 'avg'),
  ],
};

/** Rows that hold the longest of the terms, both its ends included (recommendations.md 2.4): 1441 for 15 days of 15 minutes. */
export function rowsRead(terms: readonly Term[], stepSeconds: number): number {
  return Math.floor(longestSeconds(terms) / stepSeconds) + 1;
}

/** Length of the longest of the terms. */
export function longestSeconds(terms: readonly Term[]): number {
  return Math.max(...terms.map((term) => term.days)) * 86_400;
}
