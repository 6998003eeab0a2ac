import { columnsRead, rowsRead } from './columns-read.js';
import { type JsonValue, listOf, member, objectOf } from './json-value.js';
import { isSupportedAccelerator } from './mig-profiles.js';
import { RecommendationInputError } from './recommendation-input-error.js';
import type { RecommendationSettings, SizedKind } from './recommendation-settings.js';
import { isSample } from './samples.js';
import type { JvmInfo, UsageColumn, UsageTable } from './usage-table.js';

/** One series: its labels, and its points as `[steps before the end, "value"]`. */
interface Series {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly points: readonly { readonly row: number; readonly value: number }[];
}

interface Grid {
  readonly endSeconds: number;
  readonly stepSeconds: number;
  readonly length: number;
}

const all = ['avg', 'min', 'max', 'sum', 'count'];
const knownFunctions = [...all, 'median', 'mode', 'range'];
const spread = ['avg', 'min', 'max'];

/** Metrics of Kruize's profile and the functions of each that are asked and so make intervals (recommendations.md 1.3, 1.4). */
const asked: Readonly<Record<SizedKind, Readonly<Record<string, readonly string[]>>>> = {
  container: {
    ...{ cpuRequest: all, cpuLimit: all, memoryRequest: all, memoryLimit: all },
    ...{ cpuUsage: all, cpuThrottle: all, memoryUsage: all, memoryRSS: all },
    ...{ jvmInfo: ['sum'], jvmInfoTotal: ['sum'] },
  },
  namespace: {
    ...{ namespaceCpuRequest: ['sum'], namespaceCpuLimit: ['sum'], namespaceMemoryRequest: ['sum'], namespaceMemoryLimit: ['sum'] },
    ...{ namespaceCpuUsage: spread, namespaceCpuThrottle: spread, namespaceMemoryUsage: spread, namespaceMemoryRSS: spread },
    ...{ namespaceTotalPods: ['avg', 'max'], namespaceRunningPods: ['avg', 'max'] },
  },
};
/** Metrics that make no interval: GPU samples are attached to intervals that are there, the maxDate ones are not samples at all. */
const otherMetrics = ['acceleratorCoreUsage', 'acceleratorMemoryUsage', 'acceleratorFrameBufferUsage', 'maxDate', 'namespaceMaxDate'];

/** A GPU sample belongs to the nearest interval within this time (recommendations.md 9.2). */
const acceleratorReachSeconds = 300;

/** The usage table of `series` = points by `<metric>.<function>`; points outside the longest term are dropped. Throws a RecommendationInputError. */
export function readUsageSeries(
  series: Readonly<Record<string, unknown>>,
  { experimentType, terms }: RecommendationSettings,
  endSeconds: number,
  stepSeconds: number,
): UsageTable {
  const grid = { endSeconds, stepSeconds, length: rowsRead(terms, stepSeconds) };
  for (const name of Object.keys(series)) refuseUnknown(name);
  const read = (name: string) => seriesOf(member(series, 'series', name), grid);
  const names = Object.keys(series).filter((name) => isAsked(experimentType, name));
  const present = new Uint8Array(grid.length);
  for (const name of names) for (const { row, value } of read(name).points) if (isSample(value)) present[row] = 1;
  const columns: Partial<Record<UsageColumn, Float64Array>> = {};
  for (const column of [...columnsRead[experimentType], 'cpuUsage.count' as const]) {
    if (names.includes(column)) columns[column] = columnOf(read(column), grid, (row) => row);
  }
  const jvm = jvmOf(names, read);
  const acceleratorModel = experimentType === 'container' ? modelOf(read('acceleratorMemoryUsage.max')) : undefined;
  if (acceleratorModel !== undefined) addAccelerator(columns, acceleratorModel, read, present, grid);
  return { ...grid, present, columns, ...(jvm ? { jvm } : {}), ...(acceleratorModel === undefined ? {} : { acceleratorModel }) };
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

/** A series is a list of points, or `{metric: labels, points}`; absent = no points. */
function seriesOf(json: JsonValue, { length }: Grid): Series {
  if (json.value === undefined) return { labels: {}, points: [] };
  const isList = Array.isArray(json.value);
  const object = isList ? {} : objectOf(json, ['metric', 'points']);
  const labels = member(object, json.field, 'metric');
  const points = listOf(isList ? json : member(object, json.field, 'points')).map((point) => pointOf(point, length));
  return { labels: labels.value === undefined ? {} : objectOf(labels), points: points.filter(({ row }) => row >= 0 && row < length) };
}

function pointOf({ field, value: point }: JsonValue, length: number): { row: number; value: number } {
  const [steps, value] = Array.isArray(point) && point.length === 2 ? (point as unknown[]) : [];
  if (!Number.isInteger(steps)) throw new RecommendationInputError(field, 'expected [whole number of steps before the end, "value"]');
  return { row: length - 1 - (steps as number), value: sampleOf({ field: `${field}.1`, value }) };
}

/** A sample as Prometheus writes it; NaN and infinite ones are missing (E15). */
function sampleOf({ field, value }: JsonValue): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && /^([+-]?Inf|NaN)$/i.test(value)) return Number.NaN;
  const number = typeof value === 'string' && /^[+-]?(\d|\.\d)/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) throw new RecommendationInputError(field, `expected a number as text, got ${JSON.stringify(value)}`);
  return number;
}

/** `rowFor` says which row takes the sample of a row; -1 = none. */
function columnOf({ points }: Series, { length }: Grid, rowFor: (row: number) => number): Float64Array {
  const column = new Float64Array(length).fill(Number.NaN);
  for (const { row, value } of points) if (rowFor(row) >= 0) column[rowFor(row)] = value;
  return column;
}

/** Labels of the first JVM series that has points. */
function jvmOf(names: readonly string[], read: (name: string) => Series): JvmInfo | undefined {
  const found = ['jvmInfo.sum', 'jvmInfoTotal.sum']
    .filter((name) => names.includes(name))
    .map(read)
    .find(({ points }) => points.length > 0);
  if (!found) return undefined;
  const label = (name: string) => String(found.labels[name] ?? '');
  return { runtime: label('runtime'), vendor: label('vendor'), version: label('version') };
}

/** The container's GPU, where its series has points and names a supported card. */
function modelOf({ labels, points }: Series): string | undefined {
  const { modelName } = labels;
  return points.length > 0 && typeof modelName === 'string' && isSupportedAccelerator(modelName) ? modelName : undefined;
}

function addAccelerator(
  columns: Partial<Record<UsageColumn, Float64Array>>,
  model: string,
  read: (name: string) => Series,
  present: Uint8Array,
  grid: Grid,
): void {
  for (const column of ['acceleratorCoreUsage.max', 'acceleratorMemoryUsage.max'] as const) {
    const series = read(column);
    const isOfModel = String(series.labels.modelName ?? '').toLowerCase() === model.toLowerCase();
    if (isOfModel) columns[column] = columnOf(series, grid, (row) => nearestPresent(present, row, grid.stepSeconds));
  }
}

function nearestPresent(present: Uint8Array, row: number, stepSeconds: number): number {
  const reach = Math.floor(acceleratorReachSeconds / stepSeconds);
  for (let distance = 0; distance <= reach; distance++) {
    if (present[row - distance] === 1) return row - distance;
    if (present[row + distance] === 1) return row + distance;
  }
  return -1;
}
