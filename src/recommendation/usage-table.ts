import type { SizedKind, Term } from './settings.js';

/** Metrics that the engine reads, with the names of Kruize's metric profile (Kruize: design/KruizePromQL.md). */
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

/** `count` = number of series in the interval, if the reader counts them; it replaces `sum / avg` in pods_count. */
export type UsageFunction = 'avg' | 'min' | 'max' | 'sum' | 'count';
export type UsageColumn = `${UsageMetric}.${UsageFunction}`;

/** Labels of the first `jvm_info` / `jvm_info_total` series. */
export interface JvmInfo {
  readonly runtime: string;
  readonly vendor: string;
  readonly version: string;
}

/**
 * Usage of one experiment on the interval grid. Row `i` is the instant `endSeconds - (length - 1 - i) * stepSeconds`, oldest first. Columns
 * have one value per row; NaN = no sample; an absent column = no samples. CPU in cores, memory in bytes, accelerators in percent.
 */
export interface UsageTable {
  readonly endSeconds: number;
  readonly stepSeconds: number;
  readonly length: number;
  /** 1 if any metric of the experiment, JVM info included, has a sample at the row: such a row is an interval, as in Kruize. */
  readonly present: Uint8Array;
  readonly columns: Partial<Record<UsageColumn, Float64Array>>;
  readonly jvm?: JvmInfo;
  /** Last row in which the series of `jvm` has a sample; absent if the reader does not report it. */
  readonly jvmLastRow?: number;
  /** `modelName` label of the detected GPU. */
  readonly acceleratorModel?: string;
}

/** Larger samples are not measurements. The bound also keeps sums and quotients finite, as JSON requires. */
const maxPlausible = 1e100;

/** Whether the number is a sample: NaN, infinite and implausible numbers are not. In Kruize they fail the experiment. */
export function isSample(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) <= maxPlausible;
}

/** The sample, or 0 if there is none, as in Kruize. */
export function sampleOrZero(value: number): number {
  return Math.abs(value) <= maxPlausible ? value : 0;
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

/** Returns a column of the table, or zeros if the table does not have it. */
export type ColumnOf = (column: UsageColumn) => Float64Array;

/** Returns a table's columns without copying them. Read them through `sampleOrZero` and never write to them. */
export function columnsIn({ columns, length }: UsageTable): ColumnOf {
  let none: Float64Array | undefined;
  const zeros = () => {
    none ??= new Float64Array(length);
    return none;
  };
  return (column) => columns[column] ?? zeros();
}

/** Samples of a column at these rows, 0 if missing. */
export function samplesAt(column: Float64Array, rows: Int32Array): Float64Array {
  const samples = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) samples[at] = sampleOrZero(column[rows[at]!]!);
  return samples;
}

/** 1 for each interval in which any of the columns has a sample: the metric's format is known there. */
export function sampledIn(usage: UsageTable, columns: readonly UsageColumn[], rows: Int32Array): Uint8Array {
  const sampled = new Uint8Array(rows.length);
  for (const column of columns) {
    const values = usage.columns[column];
    if (values) for (let at = 0; at < rows.length; at++) if (isSample(values[rows[at]!])) sampled[at] = 1;
    if (!sampled.includes(0)) break;
  }
  return sampled;
}

const columns = (metric: UsageMetric, ...functions: UsageFunction[]) => functions.map((name): UsageColumn => `${metric}.${name}`);

/**
 * Columns that affect the result: usage readers read these and no others, in this order. All functions of a metric have samples at the same
 * instants, so leaving some out cannot change which rows are present.
 */
export const columnsRead: Readonly<Record<SizedKind, readonly UsageColumn[]>> = {
  container: [
    ...columns('cpuRequest', 'avg'),
    ...columns('cpuLimit', 'avg'),
    ...columns('cpuUsage', 'avg', 'min', 'max', 'sum'),
    ...columns('cpuThrottle', 'avg', 'min', 'max', 'sum'),
    ...columns('memoryRequest', 'avg'),
    ...columns('memoryLimit', 'avg'),
    ...columns('memoryUsage', 'avg', 'min', 'max', 'sum'),
    ...columns('memoryRSS', 'max', 'min'),
    ...columns('acceleratorCoreUsage', 'max'),
    ...columns('acceleratorMemoryUsage', 'max'),
  ],
  namespace: [
    ...columns('namespaceCpuRequest', 'sum'),
    ...columns('namespaceCpuLimit', 'sum'),
    ...columns('namespaceMemoryRequest', 'sum'),
    ...columns('namespaceMemoryLimit', 'sum'),
    ...columns('namespaceCpuUsage', 'avg', 'max', 'min'),
    ...columns('namespaceCpuThrottle', 'avg', 'max', 'min'),
    ...columns('namespaceMemoryUsage', 'max', 'min'),
    ...columns('namespaceMemoryRSS', 'max', 'min'),
    ...columns('namespaceTotalPods', 'avg'),
  ],
};

/** A GPU sample further than this from every interval is dropped, as in Kruize. */
export const attachSeconds = 300;

/** The interval nearest to a row within `attachSeconds`, on a tie the earlier one; -1 if there is none or `row` is -1. */
export function nearestInterval({ present, stepSeconds }: Pick<UsageTable, 'present' | 'stepSeconds'>, row: number): number {
  if (row < 0) return -1;
  for (let distance = 0; distance * stepSeconds <= attachSeconds; distance++) {
    if (present[row - distance]) return row - distance;
    if (present[row + distance]) return row + distance;
  }
  return -1;
}

/** Number of rows that cover the longest term, both ends included: 1441 for 15 days with a step of 15 minutes. */
export function rowsRead(terms: readonly Term[], stepSeconds: number): number {
  return Math.floor(maxTermSeconds(terms) / stepSeconds) + 1;
}

/** Length of the longest term. */
export function maxTermSeconds(terms: readonly Term[]): number {
  return Math.max(...terms.map((term) => term.days)) * 86_400;
}
