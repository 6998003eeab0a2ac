import { isSupportedAccelerator } from '../recommendation/mig-profiles.js';
import type { RecommendationSettings, SizedKind } from '../recommendation/settings.js';
import { columnsRead, isSample, maxTermSeconds, rowsRead, type UsageColumn, type UsageTable } from '../recommendation/usage-table.js';

/** A JSON value with its path, for messages. */
export interface JsonValue {
  readonly field: string;
  readonly value: unknown;
}

/** Member of an object, at `<field>.<name>`; undefined and null are both "not given". */
export function member(object: Readonly<Record<string, unknown>>, field: string, name: string): JsonValue {
  return { field: field === '' ? name : `${field}.${name}`, value: Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined };
}

export function isGiven({ value }: JsonValue): boolean {
  return value !== undefined && value !== null;
}

/** The value as an object; throws a UsageFileError for any other value, as do the functions below. `known`: the only members it may have. */
export function objectOf({ field, value }: JsonValue, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UsageFileError(field, 'expected an object');
  const unknown = known && Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageFileError(field === '' ? unknown : `${field}.${unknown}`, 'unknown field');
  return value as Record<string, unknown>;
}

export function listOf({ field, value }: JsonValue): JsonValue[] {
  if (!Array.isArray(value)) throw new UsageFileError(field, 'expected a list');
  return value.map((item: unknown, at) => ({ field: `${field}.${at}`, value: item }));
}

export function textOf({ field, value }: JsonValue): string {
  if (typeof value !== 'string' || value.trim() === '') throw new UsageFileError(field, 'expected a text that is not empty');
  return value;
}

/** A number for which `holds` is true; `rule` describes it for the error message. */
export function numberOf({ field, value }: JsonValue, rule: string, holds: (number: number) => boolean): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || !holds(value)) throw new UsageFileError(field, `expected ${rule}`);
  return value;
}

/** Members of an object by name, for messages with their path. */
export type Fields = (name: string) => JsonValue;

export function fieldsOf(object: Readonly<Record<string, unknown>>, field: string): Fields {
  return (name) => member(object, field, name);
}

/** A usage file that cannot be read; `field` is the path of the faulty member. */
export class UsageFileError extends Error {
  constructor(
    readonly field: string,
    readonly fault: string,
  ) {
    super(field === '' ? fault : `${field}: ${fault}`);
    this.name = 'UsageFileError';
  }
}

const all = ['avg', 'min', 'max', 'sum', 'count'];
const spread = ['avg', 'min', 'max'];
const total = ['sum'];
const knownFunctions = [...all, 'median', 'mode', 'range'];

/** Metrics of Kruize's metric profile and the functions that Kruize queries. Their samples make intervals. */
const queriedFunctions: Readonly<Record<SizedKind, Readonly<Record<string, readonly string[]>>>> = {
  container: {
    cpuRequest: all,
    cpuLimit: all,
    memoryRequest: all,
    memoryLimit: all,
    cpuUsage: all,
    cpuThrottle: all,
    memoryUsage: all,
    memoryRSS: all,
    jvmInfo: total,
    jvmInfoTotal: total,
  },
  namespace: {
    namespaceCpuRequest: total,
    namespaceCpuLimit: total,
    namespaceMemoryRequest: total,
    namespaceMemoryLimit: total,
    namespaceCpuUsage: spread,
    namespaceCpuThrottle: spread,
    namespaceMemoryUsage: spread,
    namespaceMemoryRSS: spread,
    namespaceTotalPods: ['avg', 'max'],
    namespaceRunningPods: ['avg', 'max'],
  },
};
/** Metrics that make no intervals: GPU samples are attached to existing intervals, and maxDate series hold no usage. */
const otherMetrics = ['acceleratorCoreUsage', 'acceleratorMemoryUsage', 'acceleratorFrameBufferUsage', 'maxDate', 'namespaceMaxDate'];

/**
 * Columns that a file may have besides those of usage readers: the number of series, and an average that may be the only sample of a
 * namespace's memory.
 */
const columnsOnlyInFiles = ['cpuUsage.count', 'namespaceMemoryUsage.avg'] as const satisfies readonly UsageColumn[];

type Columns = Partial<Record<UsageColumn, Float64Array>>;

/** Times of a usage file, Unix seconds. */
export interface FileTimes {
  readonly endSeconds: number;
  readonly stepSeconds: number;
  /** End of the search for a GPU, which covers the longest term; absent = no search. */
  readonly acceleratorEndSeconds?: number;
}

/** The usage table of `series` = points by `<metric>.<function>`; points outside the longest term are dropped. Throws a UsageFileError. */
export function readUsageSeries(
  series: Readonly<Record<string, unknown>>,
  { experimentType, terms }: RecommendationSettings,
  { endSeconds, stepSeconds, acceleratorEndSeconds: toSeconds }: FileTimes,
): UsageTable {
  for (const name of Object.keys(series)) rejectUnknown(name);
  const length = rowsRead(terms, stepSeconds);
  const read = (name: string) => readSeries(member(series, 'series', name), length);
  const names = Object.keys(series).filter((name) => isQueried(experimentType, name));
  const found = new Map(names.map((name) => [name, withinTable(read(name), length)]));
  const grid = { endSeconds, stepSeconds, length };
  const columns = columnsOf(experimentType, found, length);
  const table = { ...grid, present: presentRows(found, names, length), columns, ...jvmOf(found) };
  if (experimentType !== 'container' || toSeconds === undefined) return table;
  const beforeJvm = names.filter((name) => !jvmSeries.includes(name));
  const rows = { ...grid, present: presentRows(found, beforeJvm, length) };
  const gpu = readAccelerator(read, rows, { fromSeconds: toSeconds - maxTermSeconds(terms), toSeconds });
  return gpu ? { ...table, ...gpu, columns: { ...columns, ...gpu.columns } } : table;
}

function rejectUnknown(name: string): void {
  const [metric, ...functions] = name.split('.') as [string, ...string[]];
  const metrics = [...Object.keys({ ...queriedFunctions.container, ...queriedFunctions.namespace }), ...otherMetrics];
  const isKnown = metrics.includes(metric) && functions.length === 1 && knownFunctions.includes(functions[0]!);
  if (!isKnown) throw new UsageFileError(`series.${name}`, 'unknown series; expected a metric and a function, such as cpuUsage.max');
}

function isQueried(kind: SizedKind, name: string): boolean {
  const [metric, method] = name.split('.') as [string, string];
  return queriedFunctions[kind][metric]?.includes(method) ?? false;
}

/** 1 for each row in which any of these series has a sample. */
function presentRows(found: ReadonlyMap<string, Series>, names: readonly string[], length: number): Uint8Array {
  const present = new Uint8Array(length);
  for (const name of names) for (const { row } of found.get(name)!.points) present[row] = 1;
  return present;
}

function columnsOf(kind: SizedKind, found: ReadonlyMap<string, Series>, length: number): Columns {
  const columns: Columns = {};
  for (const column of [...columnsRead[kind], ...columnsOnlyInFiles]) {
    const series = found.get(column);
    if (series) columns[column] = columnOf(series, length);
  }
  return columns;
}

/** Kruize queries the JVM after the GPU, so intervals that only a JVM makes get no GPU samples. */
const jvmSeries = ['jvmInfo.sum', 'jvmInfoTotal.sum'];

/** Labels of the first JVM series with points, and the row of its last point. */
function jvmOf(found: ReadonlyMap<string, Series>): Pick<UsageTable, 'jvm' | 'jvmLastRow'> {
  const series = jvmSeries.map((name) => found.get(name)).find((known) => known && known.points.length > 0);
  if (!series) return {};
  const label = (name: string) => String(series.labels[name] ?? '');
  const jvmLastRow = Math.max(...series.points.map(({ row }) => row));
  return { jvm: { runtime: label('runtime'), vendor: label('vendor'), version: label('version') }, jvmLastRow };
}

/** One series of a usage file: its labels, and its samples with their rows in the usage table. */
export interface Series {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly points: readonly { readonly row: number; readonly value: number }[];
}

/**
 * Reads a series: a list of points `[steps before the end, "value"]`, or `{metric: labels, points}`; absent = no points. The row of the end is
 * `length - 1`. Keeps points outside the table; drops those whose value is not a number. Throws a UsageFileError.
 */
export function readSeries(json: JsonValue, length: number): Series {
  if (json.value === undefined) return { labels: {}, points: [] };
  const isList = Array.isArray(json.value);
  const object = isList ? {} : objectOf(json, ['metric', 'points']);
  const labels = member(object, json.field, 'metric');
  const points = listOf(isList ? json : member(object, json.field, 'points')).map((point) => pointOf(point, length));
  return { labels: labels.value === undefined ? {} : objectOf(labels), points: points.filter(({ value }) => isSample(value)) };
}

/** Drops the points outside a table of this length. */
export function withinTable({ labels, points }: Series, length: number): Series {
  return { labels, points: points.filter(({ row }) => row >= 0 && row < length) };
}

/** The samples by row; NaN = no sample. If a row has several samples, the last wins. */
export function columnOf({ points }: Series, length: number): Float64Array {
  const column = new Float64Array(length).fill(Number.NaN);
  for (const { row, value } of points) column[row] = value;
  return column;
}

function pointOf({ field, value: point }: JsonValue, length: number): { row: number; value: number } {
  const [steps, value] = Array.isArray(point) && point.length === 2 ? (point as unknown[]) : [];
  if (!Number.isInteger(steps)) throw new UsageFileError(field, 'expected [whole number of steps before the end, "value"]');
  return { row: length - 1 - (steps as number), value: sampleOf({ field: `${field}.1`, value }) };
}

/** Parses a sample in Prometheus' text form; infinite values become NaN. */
function sampleOf({ field, value }: JsonValue): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && /^([+-]?Inf|NaN)$/i.test(value)) return Number.NaN;
  const number = typeof value === 'string' && /^[+-]?(\d|\.\d)/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) throw new UsageFileError(field, `expected a number as a string, got ${JSON.stringify(value)}`);
  return number;
}

/** A GPU sample belongs to the nearest interval within this time, as in Kruize. */
const reachSeconds = 300;

/** Rows of a table; `present` = rows that may get GPU samples. */
type Rows = Pick<UsageTable, 'endSeconds' | 'stepSeconds' | 'length' | 'present'>;

/** Unix seconds, both ends included. */
export interface TimeRange {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/**
 * The container's GPU and its samples: a supported card whose memory has samples in `searchRange`, which may lie outside the table.
 * Undefined if there is none.
 */
export function readAccelerator(
  read: (name: string) => Series,
  rows: Rows,
  searchRange: TimeRange,
): Pick<UsageTable, 'columns' | 'acceleratorModel'> | undefined {
  const { labels, points } = read('acceleratorMemoryUsage.max');
  const { modelName } = labels;
  if (typeof modelName !== 'string' || !isSupportedAccelerator(modelName)) return undefined;
  if (!points.some(({ row }) => isWithin(searchRange, rows.endSeconds - (rows.length - 1 - row) * rows.stepSeconds))) return undefined;
  const columns: Partial<Record<string, Float64Array>> = {};
  for (const name of ['acceleratorCoreUsage.max', 'acceleratorMemoryUsage.max'] as const) {
    const series = withinTable(read(name), rows.length);
    if (isOfModel(series, modelName)) columns[name] = columnOf(attached(series, rows), rows.length);
  }
  return { columns, acceleratorModel: modelName };
}

function isWithin({ fromSeconds, toSeconds }: TimeRange, seconds: number): boolean {
  return seconds >= fromSeconds && seconds <= toSeconds;
}

function isOfModel({ labels }: Series, modelName: string): boolean {
  return String(labels.modelName ?? '').toLowerCase() === modelName.toLowerCase();
}

/** Moves each sample to its nearest interval, oldest first: if an interval gets several, the latest wins. */
function attached({ labels, points }: Series, rows: Rows): Series {
  const moved = points
    .toSorted((one, other) => one.row - other.row)
    .map(({ row, value }) => ({ row: nearestPresent(rows, row), value }))
    .filter(({ row }) => row >= 0);
  return { labels, points: moved };
}

function nearestPresent({ present, stepSeconds }: Rows, row: number): number {
  const reach = Math.floor(reachSeconds / stepSeconds);
  for (let distance = 0; distance <= reach; distance++) {
    if (present[row - distance] === 1) return row - distance;
    if (present[row + distance] === 1) return row + distance;
  }
  return -1;
}
