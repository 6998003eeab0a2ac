import { runTogether } from '../../calls/abort.js';
import type { Datasource } from '../../datasource/datasource.js';
import { DatasourceError } from '../../datasource/datasource-error.js';
import { type PrometheusAnswer, PrometheusClient, type PrometheusSeries } from '../../datasource/prometheus-client.js';
import type { Experiment } from '../../experiments/experiment.js';
import { logOf } from '../../settings/logger.js';
import { type Grid, instantOf } from '../table-draft.js';
import type { KeyLabel } from './batch-query.js';
import type { PlannedQuery } from './plan-usage-queries.js';

/** Rows `from` (included) to `to` (excluded) of the grid. */
export interface Slice {
  readonly from: number;
  readonly to: number;
}

/** Prometheus refuses more points for one series. */
const mostPoints = 11_000;
/** Estimated samples of one query; Prometheus' own default limit is 50 million at a time. */
const mostSamples = 20_000_000;

/** Cuts the rows into the fewest equal slices that stay within both limits; a single row is never cut. */
export function planSlices(rows: number, samplesPerInstant: number): Slice[] {
  const mostRows = Math.max(1, Math.min(mostPoints, Math.floor(mostSamples / Math.max(1, samplesPerInstant))));
  const count = Math.ceil(rows / mostRows);
  return Array.from({ length: count }, (_, slice) => ({
    from: Math.floor((slice * rows) / count),
    to: Math.floor(((slice + 1) * rows) / count),
  }));
}

/** Joins the answers to one query's slices, oldest first, to what the query in one piece had answered: one series a label set, in label order. */
export function stitchSlices(slices: readonly (readonly PrometheusSeries[])[]): readonly PrometheusSeries[] {
  if (slices.length === 1) return slices[0]!;
  const stitched = new Map<string, { labels: PrometheusSeries['labels']; parts: PrometheusSeries['samples'][] }>();
  for (const { labels, samples } of slices.flat()) {
    const key = JSON.stringify(sortedLabels(labels));
    const known = stitched.get(key);
    if (known) known.parts.push(samples);
    else stitched.set(key, { labels, parts: [samples] });
  }
  return [...stitched.entries()]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { labels, parts }]) => ({ labels, samples: parts.flat() }));
}

function sortedLabels(labels: PrometheusSeries['labels']): [string, string][] {
  return Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
}

/** The series of an answer that belong to each experiment (by its place in the request), in the answer's order; experiments without are absent. */
export function groupSeries(planned: PlannedQuery, answer: readonly PrometheusSeries[]): Map<number, PrometheusSeries[]> {
  const indexesByKey = indexesByKeyOf(planned);
  const grouped = new Map<number, PrometheusSeries[]>();
  for (const series of answer) {
    for (const index of indexesByKey.get(keyOfSeries(series, planned.keyLabels)) ?? []) append(grouped, index, series);
  }
  return grouped;
}

function indexesByKeyOf({ experiments, keyLabels }: PlannedQuery): Map<string, number[]> {
  const indexes = new Map<string, number[]>();
  for (const { experiment, index } of experiments) append(indexes, keyOfExperiment(experiment, keyLabels), index);
  return indexes;
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

/** Texts with which Thanos says that an empty answer is none (spec: recommendations.md 2.1). */
const failedBehind = [
  { text: 'error reading from server', failure: 'unavailable' },
  { text: 'Please reduce your request rate', failure: 'too-many-requests' },
] as const;

/** Asks planned queries of a datasource. Rejects with a DatasourceError. */
export class PlannedQueries {
  constructor(private readonly client: PrometheusClient) {}

  /** The query's series on the whole grid, asked in slices where one question would be too large. */
  async askRange(datasource: Datasource, { query, samplesPerInstant }: PlannedQuery, grid: Grid, signal?: AbortSignal) {
    const slices = planSlices(grid.rows, samplesPerInstant);
    const askSlice = ({ from, to }: Slice, stop: AbortSignal) => {
      const bounds = { startSeconds: instantOf(grid, from), endSeconds: instantOf(grid, to - 1) };
      return this.client.queryRange(datasource, { query, ...bounds, stepSeconds: grid.stepSeconds }, stop);
    };
    const answers = await runTogether(
      slices.map((slice) => (stop: AbortSignal) => askSlice(slice, stop)),
      signal,
    );
    return stitchSlices(answers.map((answer) => seriesOf(answer, datasource)));
  }

  /** The query's series at one instant. */
  async askInstant(datasource: Datasource, { query }: PlannedQuery, timeSeconds: number, signal?: AbortSignal) {
    return seriesOf(await this.client.query(datasource, { query, timeSeconds }, signal), datasource);
  }
}

function seriesOf({ series, warnings }: PrometheusAnswer, { name }: Datasource): readonly PrometheusSeries[] {
  if (warnings.length === 0) return series;
  const failed = failedBehind.find(({ text }) => warnings.some((warning) => warning.includes(text)));
  if (series.length === 0 && failed) {
    const advice = 'the stores behind it failed; look at them, then ask again';
    throw new DatasourceError(
      failed.failure,
      `data source ${name} answered a usage query with nothing but "${warnings.join('; ')}": ${advice}`,
    );
  }
  log.warn({ datasource: name, warnings }, 'usage from a partial answer');
  return series;
}
