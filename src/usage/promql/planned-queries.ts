import { Injectable } from '@nestjs/common';
import { runTogether } from '../../calls/abort.js';
import type { Datasource } from '../../datasource/datasource.js';
import { DatasourceError } from '../../datasource/datasource-error.js';
import { type PrometheusAnswer, PrometheusClient, type PrometheusSeries } from '../../datasource/prometheus-client.js';
import { logOf } from '../../settings/logger.js';
import { type Grid, instantOf } from '../table-draft.js';
import { planSlices, type Slice } from './plan-slices.js';
import type { PlannedQuery } from './plan-usage-queries.js';
import { stitchSlices } from './stitch-slices.js';

const log = logOf('usage');

/** Texts with which Thanos says that an empty answer is none (spec: recommendations.md 2.1). */
const failedBehind = [
  { text: 'error reading from server', failure: 'unavailable' },
  { text: 'Please reduce your request rate', failure: 'too-many-requests' },
] as const;

/** Asks planned queries of a datasource. Rejects with a DatasourceError. */
@Injectable()
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
