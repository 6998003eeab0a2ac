import { z } from 'zod';
import { type FieldFault, faultsOf, object } from '../experiments/sizing-settings.js';
import { isSupportedAccelerator } from '../recommendation/mig-profiles.js';
import type { RecommendationSettings, SizedKind } from '../recommendation/settings.js';
import {
  columnsRead,
  isSample,
  maxTermSeconds,
  nearestInterval,
  rowsRead,
  type UsageColumn,
  type UsageTable,
} from '../recommendation/usage-table.js';

/** A usage file that cannot be read; `field` is the path of the faulty member, '' = the file itself. */
export class UsageFileError extends Error {
  constructor(
    readonly field: string,
    readonly fault: string,
  ) {
    super(field === '' ? fault : `${field}: ${fault}`);
    this.name = 'UsageFileError';
  }
}

/** Parses a member of a usage file. Throws a UsageFileError with the first fault. */
export function readMember<S extends z.ZodType>(schema: S, value: unknown, field = ''): z.output<S> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [fault] = faultsOf(read.error) as [FieldFault];
  throw new UsageFileError([field, fault.field].filter((part) => part !== '').join('.'), fault.message);
}

const seriesOf = (metrics: readonly string[], functions: readonly string[]) =>
  metrics.flatMap((metric) => functions.map((name) => `${metric}.${name}`));

const all = ['avg', 'min', 'max', 'sum', 'count'];
const containerMetrics = ['cpuRequest', 'cpuLimit', 'memoryRequest', 'memoryLimit', 'cpuUsage', 'cpuThrottle', 'memoryUsage', 'memoryRSS'];
const quotas = ['namespaceCpuRequest', 'namespaceCpuLimit', 'namespaceMemoryRequest', 'namespaceMemoryLimit'];
const namespaceUsage = ['namespaceCpuUsage', 'namespaceCpuThrottle', 'namespaceMemoryUsage', 'namespaceMemoryRSS'];
const pods = ['namespaceTotalPods', 'namespaceRunningPods'];
/** Kruize queries the JVM after the GPU, so intervals that only a JVM makes get no GPU samples. */
const jvmSeries = ['jvmInfo.sum', 'jvmInfoTotal.sum'];

/** The series that Kruize queries. Their samples make intervals. */
const queriedSeries: Readonly<Record<SizedKind, readonly string[]>> = {
  container: [...seriesOf(containerMetrics, all), ...jvmSeries],
  namespace: [...seriesOf(quotas, ['sum']), ...seriesOf(namespaceUsage, ['avg', 'min', 'max']), ...seriesOf(pods, ['avg', 'max'])],
};
/** Metrics that make no intervals: GPU samples are attached to existing intervals, and maxDate series hold no usage. */
const otherMetrics = ['acceleratorCoreUsage', 'acceleratorMemoryUsage', 'acceleratorFrameBufferUsage', 'maxDate', 'namespaceMaxDate'];
const knownMetrics = [...Object.values(queriedSeries).flat(), ...otherMetrics].map((name) => name.split('.', 1)[0]);
const knownFunctions = [...all, 'median', 'mode', 'range'];

/** Columns of files besides those of usage readers: the number of series, and maybe the only sample of a namespace's memory. */
const columnsOnlyInFiles = ['cpuUsage.count', 'namespaceMemoryUsage.avg'] as const satisfies readonly UsageColumn[];

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
  const read = (name: string) => readSeries(name, series[name], length);
  const names = Object.keys(series).filter((name) => queriedSeries[experimentType].includes(name));
  const found = new Map(names.map((name) => [name, withinTable(read(name), length)]));
  const grid = { endSeconds, stepSeconds, length };
  const columns = columnsOf(experimentType, found, length);
  const table = { ...grid, present: presentRows(found, names, length), columns, ...jvmOf(found) };
  if (experimentType !== 'container' || toSeconds === undefined) return table;
  const beforeJvm = names.filter((name) => !jvmSeries.includes(name));
  const rows = { ...grid, present: presentRows(found, beforeJvm, length) };
  const gpu = readAccelerator(read, rows, [toSeconds - maxTermSeconds(terms), toSeconds]);
  return gpu ? { ...table, ...gpu, columns: { ...columns, ...gpu.columns } } : table;
}

function rejectUnknown(name: string): void {
  const [metric, ...functions] = name.split('.') as [string, ...string[]];
  const isKnown = knownMetrics.includes(metric) && functions.length === 1 && knownFunctions.includes(functions[0]!);
  if (!isKnown) throw new UsageFileError(`series.${name}`, 'unknown series; expected a metric and a function, such as cpuUsage.max');
}

/** 1 for each row in which any of these series has a sample. */
function presentRows(found: ReadonlyMap<string, Series>, names: readonly string[], length: number): Uint8Array {
  const present = new Uint8Array(length);
  for (const name of names) for (const { row } of found.get(name)!.points) present[row] = 1;
  return present;
}

function columnsOf(kind: SizedKind, found: ReadonlyMap<string, Series>, length: number): UsageTable['columns'] {
  const columns: UsageTable['columns'] = {};
  for (const column of [...columnsRead[kind], ...columnsOnlyInFiles]) {
    const series = found.get(column);
    if (series) columns[column] = columnOf(series, length);
  }
  return columns;
}

/** Labels of the first JVM series with points, and the row of its last point. */
function jvmOf(found: ReadonlyMap<string, Series>): Pick<UsageTable, 'jvm' | 'jvmLastRow'> {
  const series = jvmSeries.map((name) => found.get(name)).find((known) => known && known.points.length > 0);
  if (!series) return {};
  const label = (name: string) => String(series.labels[name] ?? '');
  const jvmLastRow = Math.max(...series.points.map(({ row }) => row));
  return { jvm: { runtime: label('runtime'), vendor: label('vendor'), version: label('version') }, jvmLastRow };
}

/** One series of a usage file: its labels, and its samples with their rows in the usage table. */
interface Series {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly points: readonly { readonly row: number; readonly value: number }[];
}

/** Points `[steps before the end, "value"]`. */
const pointsSchema = z.array(z.unknown(), { error: 'expected a list' }).transform((given, context) => {
  const read: { steps: number; value: number }[] = [];
  for (const [at, point] of given.entries()) {
    const [steps, value] = Array.isArray(point) && point.length === 2 ? (point as unknown[]) : [];
    const sample = sampleOf(value);
    if (Number.isInteger(steps) && sample !== undefined) {
      read.push({ steps: steps as number, value: sample });
      continue;
    }
    const message = Number.isInteger(steps)
      ? `expected a number as a string, got ${JSON.stringify(value)}`
      : 'expected [whole number of steps before the end, "value"]';
    context.addIssue({ code: 'custom', path: Number.isInteger(steps) ? [at, 1] : [at], message });
    return z.NEVER;
  }
  return read;
});
const bareSeries = pointsSchema.transform((points) => ({ metric: undefined, points }));
const labelledSeries = object({
  metric: z.record(z.string(), z.unknown(), { error: 'expected an object' }).nullish(),
  points: pointsSchema,
});

/**
 * Reads a series: a list of points, or `{metric: labels, points}`; absent = no points. The row of the end is `length - 1`. Keeps points outside the
 * table; drops those whose value is not a number. Throws a UsageFileError.
 */
function readSeries(name: string, json: unknown, length: number): Series {
  const { metric, points } = readMember(Array.isArray(json) ? bareSeries : labelledSeries, json ?? { points: [] }, `series.${name}`);
  const samples = points.filter(({ value }) => isSample(value));
  return { labels: metric ?? {}, points: samples.map(({ steps, value }) => ({ row: length - 1 - steps, value })) };
}

/** Drops the points outside a table of this length. */
function withinTable({ labels, points }: Series, length: number): Series {
  return { labels, points: points.filter(({ row }) => row >= 0 && row < length) };
}

/** The samples by row; NaN = no sample. If a row has several samples, the last wins. */
function columnOf({ points }: Series, length: number): Float64Array {
  const column = new Float64Array(length).fill(Number.NaN);
  for (const { row, value } of points) column[row] = value;
  return column;
}

/** Parses a sample in Prometheus' text form; infinite values become NaN. Undefined if it is not a number. */
function sampleOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  if (/^([+-]?Inf|NaN)$/i.test(value)) return Number.NaN;
  const number = /^[+-]?(\d|\.\d)/.test(value) ? Number(value) : Number.NaN;
  return Number.isNaN(number) ? undefined : number;
}

/** Rows of a table; `present` = rows that may get GPU samples. */
type Rows = Pick<UsageTable, 'endSeconds' | 'stepSeconds' | 'length' | 'present'>;

/**
 * The container's GPU and its samples: a supported card whose memory has samples in the search range (Unix seconds, both ends included),
 * which may lie outside the table. Undefined if there is none.
 */
function readAccelerator(
  read: (name: string) => Series,
  rows: Rows,
  [fromSeconds, toSeconds]: readonly [number, number],
): Pick<UsageTable, 'columns' | 'acceleratorModel'> | undefined {
  const { labels, points } = read('acceleratorMemoryUsage.max');
  const { modelName } = labels;
  if (typeof modelName !== 'string' || !isSupportedAccelerator(modelName)) return undefined;
  const instants = points.map(({ row }) => rows.endSeconds - (rows.length - 1 - row) * rows.stepSeconds);
  if (!instants.some((seconds) => seconds >= fromSeconds && seconds <= toSeconds)) return undefined;
  const columns: Partial<Record<string, Float64Array>> = {};
  for (const name of ['acceleratorCoreUsage.max', 'acceleratorMemoryUsage.max'] as const) {
    const series = withinTable(read(name), rows.length);
    const isOfModel = String(series.labels.modelName ?? '').toLowerCase() === modelName.toLowerCase();
    if (isOfModel) columns[name] = columnOf(attached(series, rows), rows.length);
  }
  return { columns, acceleratorModel: modelName };
}

/** Moves each sample to its nearest interval, oldest first: if an interval gets several, the latest wins. */
function attached({ labels, points }: Series, rows: Rows): Series {
  const moved = points
    .toSorted((one, other) => one.row - other.row)
    .map(({ row, value }) => ({ row: nearestInterval(rows, row), value }))
    .filter(({ row }) => row >= 0);
  return { labels, points: moved };
}
