import { runTogether } from '../../calls/abort.js';
import type { Datasource } from '../../datasource/datasource.js';
import { DatasourceClient, type PrometheusAnswer, type PrometheusSeries } from '../../datasource/datasource-client.js';
import { DatasourceError } from '../../datasource/datasource-error.js';
import type { Experiment } from '../../experiments/experiment.js';
import { labelSetKey } from '../../promql/labels.js';
import { logOf } from '../../settings/logger.js';
import { type Grid, instantOf } from '../table-draft.js';
import type { KeyLabel, PlannedQuery } from './plan-usage-queries.js';

/** Rows from `from` to before `to` of the grid. */
export interface Slice {
  readonly from: number;
  readonly to: number;
}

/** Prometheus rejects queries with more points per series. */
const maxPoints = 11_000;
/** Maximum estimated samples of one query. Prometheus' default limit is 50 million at a time. */
const maxSamples = 20_000_000;

/** Splits the rows into as few equal slices as both limits allow. A slice has at least one row. */
export function planSlices(rows: number, samplesPerInstant: number): Slice[] {
  const maxRows = Math.max(1, Math.min(maxPoints, Math.floor(maxSamples / Math.max(1, samplesPerInstant))));
  const count = Math.ceil(rows / maxRows);
  return Array.from({ length: count }, (_, slice) => ({
    from: Math.floor((slice * rows) / count),
    to: Math.floor(((slice + 1) * rows) / count),
  }));
}

/** Joins the results of a query's slices, oldest first, to the result of the complete query: one series per label set, in label order. */
export function stitchSlices(slices: readonly (readonly PrometheusSeries[])[]): readonly PrometheusSeries[] {
  if (slices.length === 1) return slices[0]!;
  const stitched = new Map<string, { labels: PrometheusSeries['labels']; parts: PrometheusSeries['samples'][] }>();
  for (const { labels, samples } of slices.flat()) {
    const key = labelSetKey(labels);
    const known = stitched.get(key);
    if (known) known.parts.push(samples);
    else stitched.set(key, { labels, parts: [samples] });
  }
  return [...stitched.entries()]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { labels, parts }]) => ({ labels, samples: parts.flat() }));
}

/** Groups the series of a result by experiment (index in the request) and keeps their order. Experiments without series are absent. */
export function groupSeries(planned: PlannedQuery, result: readonly PrometheusSeries[]): Map<number, PrometheusSeries[]> {
  const indexesByKey = new Map<string, number[]>();
  for (const { experiment, index } of planned.experiments) append(indexesByKey, keyOfExperiment(experiment, planned.keyLabels), index);
  const grouped = new Map<number, PrometheusSeries[]>();
  for (const series of result) {
    for (const index of indexesByKey.get(keyOfSeries(series, planned.keyLabels)) ?? []) append(grouped, index, series);
  }
  return grouped;
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function keyOfExperiment(experiment: Experiment, keyLabels: readonly KeyLabel[]): string {
  const members: Partial<Record<KeyLabel['member'], string>> =
    experiment.type === 'container' ? experiment : { namespace: experiment.namespace };
  return JSON.stringify(keyLabels.map(({ member }) => members[member] ?? ''));
}

function keyOfSeries({ labels }: PrometheusSeries, keyLabels: readonly KeyLabel[]): string {
  return JSON.stringify(keyLabels.map(({ label }) => labels[label] ?? ''));
}

const log = logOf('usage');

/** Warnings of Thanos that turn an empty result into a failure, as in Kruize. */
const failedBehind = [
  { text: 'error reading from server', failure: 'unavailable' },
  { text: 'Please reduce your request rate', failure: 'too-many-requests' },
] as const;

/** Asks planned queries of a datasource. Rejects with a DatasourceError. */
export class PlannedQueries {
  constructor(private readonly client: DatasourceClient) {}

  /** Queries the series on the complete grid, in slices if one query would be too large. */
  async queryRange(datasource: Datasource, { query, samplesPerInstant }: PlannedQuery, grid: Grid, signal?: AbortSignal) {
    const tasks = planSlices(grid.rows, samplesPerInstant).map(({ from, to }) => (stop: AbortSignal) => {
      const bounds = { startSeconds: instantOf(grid, from), endSeconds: instantOf(grid, to - 1) };
      return this.client.queryRange(datasource, { query, ...bounds, stepSeconds: grid.stepSeconds }, stop);
    });
    const results = await runTogether(tasks, signal);
    return stitchSlices(results.map((result) => seriesOf(result, datasource)));
  }

  /** Queries the series at one instant. */
  async queryInstant(datasource: Datasource, { query }: PlannedQuery, timeSeconds: number, signal?: AbortSignal) {
    return seriesOf(await this.client.query(datasource, { query, timeSeconds }, signal), datasource);
  }
}

function seriesOf({ series, warnings }: PrometheusAnswer, { name }: Datasource): readonly PrometheusSeries[] {
  if (warnings.length === 0) return series;
  const failed = failedBehind.find(({ text }) => warnings.some((warning) => warning.includes(text)));
  if (series.length === 0 && failed) {
    const advice = 'the stores behind it failed. Check them, then start the job again.';
    const message = `Datasource ${name} returned no usage, only the warnings "${warnings.join('; ')}": ${advice}`;
    throw new DatasourceError(failed.failure, message);
  }
  log.warn({ datasource: name, warnings }, 'usage from a partial response');
  return series;
}
