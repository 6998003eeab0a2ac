import { Injectable } from '@nestjs/common';
import type { Datasource } from './datasource.js';
import { DatasourceError } from './datasource-error.js';
import { DatasourceHttp } from './datasource-http.js';
import { describeFailure } from './describe-failure.js';
import { NotAnAnswerError, readAnswer } from './read-answer.js';
import { readBytes } from './read-bytes.js';

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
@Injectable()
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
