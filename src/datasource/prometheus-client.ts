import type { Datasource } from './datasource.js';
import { DatasourceError, describeFailure } from './datasource-error.js';
import { type DatasourceHttp, readBytes } from './datasource-http.js';

/** One series of an answer: label pairs and samples as [epoch seconds, value as text]. */
export interface PrometheusSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly (readonly [number, string])[];
}

export interface PrometheusAnswer {
  readonly series: readonly PrometheusSeries[];
  /** Texts of a partial answer (Thanos, Mimir); empty when the answer is whole. */
  readonly warnings: readonly string[];
}

/** Longest answer that is read, decompressed: a hundred containers over 15 days are some 4 MB. */
export const longestAnswerBytes = 128 * 1024 * 1024;

/** Asks a datasource over Prometheus' HTTP API. Every method retries transient failures and rejects with a DatasourceError. */
export class PrometheusClient {
  constructor(private readonly http: DatasourceHttp) {}

  /** Instant query: each series has one sample, at `timeSeconds`. */
  async query(datasource: Datasource, ask: { query: string; timeSeconds: number }, signal?: AbortSignal): Promise<PrometheusAnswer> {
    return this.ask(datasource, '/api/v1/query', { query: ask.query, time: String(ask.timeSeconds) }, signal);
  }

  /** Range query: samples on the grid start, start + step, … up to end. */
  async queryRange(
    datasource: Datasource,
    ask: { query: string; startSeconds: number; endSeconds: number; stepSeconds: number },
    signal?: AbortSignal,
  ): Promise<PrometheusAnswer> {
    const { query, startSeconds, endSeconds, stepSeconds } = ask;
    const form = { query, start: String(startSeconds), end: String(endSeconds), step: String(stepSeconds) };
    return this.ask(datasource, '/api/v1/query_range', form, signal);
  }

  /** POST, because a query over a shard's namespaces is longer than an address may be. */
  private async ask(datasource: Datasource, path: string, form: Record<string, string>, signal?: AbortSignal): Promise<PrometheusAnswer> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    const body = new URLSearchParams(form).toString();
    return this.http.post(
      datasource,
      { path, body, headers },
      async (stream) => {
        const { bytes, isWhole } = await readBytes(stream, longestAnswerBytes);
        if (isWhole) return answerIn(bytes, datasource, path);
        throw new DatasourceError('too-large', describeFailure('too-large', datasource, path, `over ${longestAnswerBytes} bytes`));
      },
      signal,
    );
  }
}

function answerIn(bytes: Buffer, datasource: Datasource, path: string): PrometheusAnswer {
  try {
    return readAnswer(bytes.toString('utf8'));
  } catch (error) {
    if (!(error instanceof NotAnAnswerError)) throw error;
    throw new DatasourceError('not-json', describeFailure('not-json', datasource, path, error.message), { cause: error });
  }
}

/** The text is no answer of Prometheus' HTTP API. */
export class NotAnAnswerError extends Error {}

/**
 * Reads an answer of /api/v1/query or /api/v1/query_range (prometheus.io/docs/prometheus/latest/querying/api): vectors, matrices and scalars.
 * Throws a NotAnAnswerError. Checked by hand: a schema library takes longer for a million samples than JSON.parse itself.
 */
export function readAnswer(text: string): PrometheusAnswer {
  const { status, data, warnings } = record(parseJson(text), 'the answer');
  if (status !== 'success') throw new NotAnAnswerError(`its status is ${JSON.stringify(status)}, not "success"`);
  const { resultType, result } = record(data, 'data');
  if (resultType === 'scalar') return { series: [{ labels: {}, samples: [sample(result)] }], warnings: texts(warnings) };
  if (resultType !== 'vector' && resultType !== 'matrix') throw new NotAnAnswerError('its data is neither vector nor matrix nor scalar');
  if (!Array.isArray(result)) throw new NotAnAnswerError('data.result is not a list');
  return { series: result.map(readSeries), warnings: texts(warnings) };
}

/** A series that has histograms only (native histograms) has no samples. */
function readSeries(value: unknown): PrometheusSeries {
  const { metric, value: single, values } = record(value, 'a series');
  const labels = record(metric, 'metric') as Record<string, string>;
  for (const name in labels) if (typeof labels[name] !== 'string') throw new NotAnAnswerError('a label is not text');
  if (values !== undefined && !Array.isArray(values)) throw new NotAnAnswerError('values is not a list');
  return { labels, samples: single === undefined ? (values ?? []).map(sample) : [sample(single)] };
}

function sample(pair: unknown): readonly [number, string] {
  const [time, value] = Array.isArray(pair) ? pair : [];
  if (typeof time !== 'number' || typeof value !== 'string') throw new NotAnAnswerError('a sample is not a pair of time and text');
  return pair as [number, string];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NotAnAnswerError('it is not JSON');
  }
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new NotAnAnswerError(`${name} is not an object`);
  return value as Record<string, unknown>;
}

function texts(warnings: unknown): string[] {
  return Array.isArray(warnings) ? warnings.filter((warning) => typeof warning === 'string') : [];
}
