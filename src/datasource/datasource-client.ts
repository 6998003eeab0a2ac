import { MalformedAnswerError } from '../remote-read/frames.js';
import { encodeReadRequest } from '../remote-read/read-request.js';
import { readSeriesWindows } from '../remote-read/read-series-windows.js';
import type { ChunkQuestion, Grid, OnSeries } from '../remote-read/series-windows.js';
import type { Datasource } from './datasource.js';
import { failed } from './datasource-error.js';
import { type DatasourceHttp, readBytes } from './datasource-http.js';

/** A series of a response: labels, and samples as [epoch seconds, value as string]. */
export interface PrometheusSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly (readonly [number, string])[];
}

export interface PrometheusAnswer {
  readonly series: readonly PrometheusSeries[];
  /** Warnings of a partial response (Thanos, Mimir); empty if the response is complete. */
  readonly warnings: readonly string[];
}

/** Maximum size of a decompressed response. A hundred containers over 15 days take about 4 MB. */
export const maxResponseBytes = 128 * 1024 * 1024;

const chunksPath = '/api/v1/read';

/** See https://prometheus.io/docs/prometheus/latest/querying/remote_read_api. Without gzip, which gains nothing for small frames. */
const chunkHeaders = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-read-version': '0.1.0',
  'accept-encoding': 'identity',
};

/** Queries datasources: PromQL by Prometheus' HTTP API, raw chunks by remote read. Methods retry transient failures and reject with a DatasourceError. */
export class DatasourceClient {
  constructor(private readonly http: DatasourceHttp) {}

  /** Instant query: each series has one sample at `timeSeconds`. */
  async query(datasource: Datasource, request: { query: string; timeSeconds: number }, signal?: AbortSignal): Promise<PrometheusAnswer> {
    return this.post(datasource, '/api/v1/query', { query: request.query, time: String(request.timeSeconds) }, signal);
  }

  /** Range query: samples at start, start + step, … up to end. */
  async queryRange(
    datasource: Datasource,
    request: { query: string; startSeconds: number; endSeconds: number; stepSeconds: number },
    signal?: AbortSignal,
  ): Promise<PrometheusAnswer> {
    const { query, startSeconds, endSeconds, stepSeconds } = request;
    const form = { query, start: String(startSeconds), end: String(endSeconds), step: String(stepSeconds) };
    return this.post(datasource, '/api/v1/query_range', form, signal);
  }

  /** Uses POST, because a query over a shard's namespaces may exceed the length of a URL. */
  private async post(datasource: Datasource, path: string, form: Record<string, string>, signal?: AbortSignal): Promise<PrometheusAnswer> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    const body = new URLSearchParams(form).toString();
    return this.http.post(
      datasource,
      { path, body, headers },
      async (stream) => {
        const { bytes, isComplete } = await readBytes(stream, maxResponseBytes);
        if (!isComplete) throw failed('too-large', datasource, path, `over ${maxResponseBytes} bytes`);
        try {
          return readResponse(bytes.toString('utf8'));
        } catch (error) {
          throw error instanceof InvalidResponseError ? failed('not-json', datasource, path, error.message, { cause: error }) : error;
        }
      },
      signal,
    );
  }

  /**
   * Reads the windows of all series that match the questions, in the order of the questions, and calls `onSeries` once per series. Rejects with a
   * DatasourceError or with the error that `onSeries` throws. If a response breaks off, the request is repeated: `onAgain` is called, all earlier series
   * are void, and all series follow again. Without `onAgain`, the request is repeated only if no series has been passed on.
   */
  async readChunks(
    datasource: Datasource,
    questions: readonly ChunkQuestion[],
    grid: Grid,
    onSeries: OnSeries,
    signal?: AbortSignal,
    onAgain?: () => void,
  ): Promise<void> {
    let hasSeries = false;
    const passOn: OnSeries = (series) => {
      hasSeries = true;
      onSeries(series);
    };
    const request = { path: chunksPath, headers: chunkHeaders, body: encodeReadRequest(questions, grid) };
    const readBody = async (body: AsyncIterable<Uint8Array>) => {
      if (hasSeries && !onAgain) throw failed('malformed', datasource, chunksPath, 'the response broke off');
      if (hasSeries) onAgain?.();
      hasSeries = false;
      await readSeriesWindows(body, questions, grid, passOn).catch((error) => {
        throw error instanceof MalformedAnswerError ? failed('malformed', datasource, chunksPath, error.message, { cause: error }) : error;
      });
    };
    await this.http.post(datasource, request, readBody, signal);
  }
}

/** The text is not a response of Prometheus' HTTP API. */
export class InvalidResponseError extends Error {}

/**
 * Reads a response of /api/v1/query or /api/v1/query_range (prometheus.io/docs/prometheus/latest/querying/api): vector, matrix or scalar.
 * Throws an InvalidResponseError. Does not use a schema library, which takes longer for a million samples than JSON.parse.
 */
export function readResponse(text: string): PrometheusAnswer {
  const { status, data, warnings } = record(parseJson(text), 'the response');
  if (status !== 'success') throw new InvalidResponseError(`its status is ${JSON.stringify(status)}, not "success"`);
  const { resultType, result } = record(data, 'data');
  if (resultType === 'scalar') return { series: [{ labels: {}, samples: [sample(result)] }], warnings: texts(warnings) };
  if (resultType !== 'vector' && resultType !== 'matrix')
    throw new InvalidResponseError('its data is neither vector nor matrix nor scalar');
  if (!Array.isArray(result)) throw new InvalidResponseError('data.result is not a list');
  return { series: result.map(readSeries), warnings: texts(warnings) };
}

/** A series with only native histograms has no samples. */
function readSeries(value: unknown): PrometheusSeries {
  const { metric, value: single, values } = record(value, 'a series');
  const labels = record(metric, 'metric') as Record<string, string>;
  for (const name in labels) if (typeof labels[name] !== 'string') throw new InvalidResponseError('a label is not a string');
  if (values !== undefined && !Array.isArray(values)) throw new InvalidResponseError('values is not a list');
  return { labels, samples: single === undefined ? (values ?? []).map(sample) : [sample(single)] };
}

function sample(pair: unknown): readonly [number, string] {
  const [time, value] = Array.isArray(pair) ? pair : [];
  if (typeof time !== 'number' || typeof value !== 'string') throw new InvalidResponseError('a sample is not a pair of time and string');
  return pair as [number, string];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidResponseError('it is not JSON');
  }
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidResponseError(`${name} is not an object`);
  return value as Record<string, unknown>;
}

function texts(warnings: unknown): string[] {
  return Array.isArray(warnings) ? warnings.filter((warning) => typeof warning === 'string') : [];
}
