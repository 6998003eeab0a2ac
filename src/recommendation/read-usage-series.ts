import { columnsRead, longestSeconds, rowsRead } from './columns-read.js';
import { member } from './json-value.js';
import { readAccelerator } from './read-accelerator.js';
import { columnOf, readSeries, type Series, withinTable } from './read-series.js';
import { RecommendationInputError } from './recommendation-input-error.js';
import type { RecommendationSettings, SizedKind } from './recommendation-settings.js';
import type { UsageColumn, UsageTable } from './usage-table.js';

const all = ['avg', 'min', 'max', 'sum', 'count'];
const spread = ['avg', 'min', 'max'];
const total = ['sum'];
const knownFunctions = [...all, 'median', 'mode', 'range'];

/** Metrics of Kruize's profile and the functions of each that are asked and so make intervals (recommendations.md 1.3, 1.4). */
const asked: Readonly<Record<SizedKind, Readonly<Record<string, readonly string[]>>>> = {
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
/** Metrics that make no interval: GPU samples are attached to intervals that are there, the maxDate ones are not samples at all. */
const otherMetrics = ['acceleratorCoreUsage', 'acceleratorMemoryUsage', 'acceleratorFrameBufferUsage', 'maxDate', 'namespaceMaxDate'];

/** Columns that a file may have beside those that readers ask: series counted, and a metric that an instant of a file may have this of alone. */
const columnsOnlyInFiles = ['cpuUsage.count', 'namespaceMemoryUsage.avg'] as const satisfies readonly UsageColumn[];

type Columns = Partial<Record<UsageColumn, Float64Array>>;

/** The instants that a file tells of, Unix seconds. */
export interface FileTimes {
  readonly endSeconds: number;
  readonly stepSeconds: number;
  /** A GPU is looked for in the longest term before this; absent = it is not looked for (recommendations.md 9.1). */
  readonly acceleratorEndSeconds?: number;
}

/** The usage table of `series` = points by `<metric>.<function>`; points outside the longest term are dropped. Throws a RecommendationInputError. */
export function readUsageSeries(
  series: Readonly<Record<string, unknown>>,
  { experimentType, terms }: RecommendationSettings,
  { endSeconds, stepSeconds, acceleratorEndSeconds: toSeconds }: FileTimes,
): UsageTable {
  for (const name of Object.keys(series)) refuseUnknown(name);
  const length = rowsRead(terms, stepSeconds);
  const read = (name: string) => readSeries(member(series, 'series', name), length);
  const names = Object.keys(series).filter((name) => isAsked(experimentType, name));
  const found = new Map(names.map((name) => [name, withinTable(read(name), length)]));
  const grid = { endSeconds, stepSeconds, length };
  const columns = columnsOf(experimentType, found, length);
  const table = { ...grid, present: presentRows(found, names, length), columns, ...jvmOf(found) };
  if (experimentType !== 'container' || toSeconds === undefined) return table;
  const askedBefore = names.filter((name) => !jvmSeries.includes(name));
  const rows = { ...grid, present: presentRows(found, askedBefore, length) };
  const gpu = readAccelerator(read, rows, { fromSeconds: toSeconds - longestSeconds(terms), toSeconds });
  return gpu ? { ...table, ...gpu, columns: { ...columns, ...gpu.columns } } : table;
}

function refuseUnknown(name: string): void {
  const [metric, ...functions] = name.split('.') as [string, ...string[]];
  const metrics = [...Object.keys({ ...asked.container, ...asked.namespace }), ...otherMetrics];
  const isKnown = metrics.includes(metric) && functions.length === 1 && knownFunctions.includes(functions[0]!);
  if (!isKnown)
    throw new RecommendationInputError(`series.${name}`, 'unknown series; expected a metric and a function, such as cpuUsage.max');
}

function isAsked(kind: SizedKind, name: string): boolean {
  const [metric, method] = name.split('.') as [string, string];
  return asked[kind][metric]?.includes(method) ?? false;
}

/** 1 where any series of these names has a sample. */
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

/** Asked after the GPU, so that the intervals they alone make take none of its samples (recommendations.md 9.2). */
const jvmSeries = ['jvmInfo.sum', 'jvmInfoTotal.sum'];

/** Labels of the first JVM series that has points, and the last row that it has one in. */
function jvmOf(found: ReadonlyMap<string, Series>): Pick<UsageTable, 'jvm' | 'jvmLastRow'> {
  const series = jvmSeries.map((name) => found.get(name)).find((known) => known && known.points.length > 0);
  if (!series) return {};
  const label = (name: string) => String(series.labels[name] ?? '');
  const jvmLastRow = Math.max(...series.points.map(({ row }) => row));
  return { jvm: { runtime: label('runtime'), vendor: label('vendor'), version: label('version') }, jvmLastRow };
}
