import { columnsRead, rowsRead } from './columns-read.js';
import { member } from './json-value.js';
import { isSupportedAccelerator } from './mig-profiles.js';
import { readSeries, type Series } from './read-series.js';
import { RecommendationInputError } from './recommendation-input-error.js';
import type { RecommendationSettings, SizedKind } from './recommendation-settings.js';
import type { JvmInfo, UsageColumn, UsageTable } from './usage-table.js';

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

/** A GPU sample belongs to the nearest interval within this time (recommendations.md 9.2). */
const acceleratorReachSeconds = 300;

/** Columns that a file may have beside those that readers ask: series counted, and a metric that an instant of a file may have this of alone. */
const columnsOnlyInFiles = ['cpuUsage.count', 'namespaceMemoryUsage.avg'] as const satisfies readonly UsageColumn[];

type Columns = Partial<Record<UsageColumn, Float64Array>>;

/** The usage table of `series` = points by `<metric>.<function>`; points outside the longest term are dropped. Throws a RecommendationInputError. */
export function readUsageSeries(
  series: Readonly<Record<string, unknown>>,
  { experimentType, terms }: RecommendationSettings,
  endSeconds: number,
  stepSeconds: number,
): UsageTable {
  for (const name of Object.keys(series)) refuseUnknown(name);
  const length = rowsRead(terms, stepSeconds);
  const read = (name: string) => readSeries(member(series, 'series', name), length);
  const found = new Map(
    Object.keys(series)
      .filter((name) => isAsked(experimentType, name))
      .map((name) => [name, read(name)]),
  );
  const present = presentRows([...found.values()], length);
  const columns = columnsOf(experimentType, found, length);
  const jvm = jvmOf(found);
  const table = { endSeconds, stepSeconds, length, present, columns, ...(jvm ? { jvm } : {}) };
  const acceleratorModel = experimentType === 'container' ? modelOf(read('acceleratorMemoryUsage.max')) : undefined;
  return acceleratorModel === undefined ? table : withAccelerator(table, acceleratorModel, read);
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

function presentRows(series: readonly Series[], length: number): Uint8Array {
  const present = new Uint8Array(length);
  for (const { points } of series) for (const { row } of points) present[row] = 1;
  return present;
}

function columnsOf(kind: SizedKind, found: ReadonlyMap<string, Series>, length: number): Columns {
  const columns: Columns = {};
  for (const column of [...columnsRead[kind], ...columnsOnlyInFiles]) {
    const series = found.get(column);
    if (series) columns[column] = columnOf(series, length, (row) => row);
  }
  return columns;
}

/** `rowFor` says which row takes the sample of a row; -1 = none. */
function columnOf({ points }: Series, length: number, rowFor: (row: number) => number): Float64Array {
  const column = new Float64Array(length).fill(Number.NaN);
  for (const { row, value } of points) if (rowFor(row) >= 0) column[rowFor(row)] = value;
  return column;
}

/** Labels of the first JVM series that has points. */
function jvmOf(found: ReadonlyMap<string, Series>): JvmInfo | undefined {
  const series = ['jvmInfo.sum', 'jvmInfoTotal.sum'].map((name) => found.get(name)).find((known) => known && known.points.length > 0);
  const label = (name: string) => String(series?.labels[name] ?? '');
  return series && { runtime: label('runtime'), vendor: label('vendor'), version: label('version') };
}

/** The container's GPU, where its series has points and names a supported card. */
function modelOf({ labels, points }: Series): string | undefined {
  const { modelName } = labels;
  return points.length > 0 && typeof modelName === 'string' && isSupportedAccelerator(modelName) ? modelName : undefined;
}

function withAccelerator(table: UsageTable, model: string, read: (name: string) => Series): UsageTable {
  const columns: Columns = { ...table.columns };
  for (const column of ['acceleratorCoreUsage.max', 'acceleratorMemoryUsage.max'] as const) {
    const series = read(column);
    const isOfModel = String(series.labels.modelName ?? '').toLowerCase() === model.toLowerCase();
    if (isOfModel) columns[column] = columnOf(series, table.length, (row) => nearestPresent(table, row));
  }
  return { ...table, columns, acceleratorModel: model };
}

function nearestPresent({ present, stepSeconds }: UsageTable, row: number): number {
  const reach = Math.floor(acceleratorReachSeconds / stepSeconds);
  for (let distance = 0; distance <= reach; distance++) {
    if (present[row - distance] === 1) return row - distance;
    if (present[row + distance] === 1) return row + distance;
  }
  return -1;
}
