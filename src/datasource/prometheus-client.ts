import { Injectable } from '@nestjs/common';
import type { Datasource } from './datasource.js';

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

/** Asks a datasource over Prometheus' HTTP API. Every method retries transient failures and rejects with a DatasourceError. */
@Injectable()
export class PrometheusClient {
  /** Instant query: each series has one sample, at `timeSeconds`. */
  async query(_datasource: Datasource, _ask: { query: string; timeSeconds: number }, _signal?: AbortSignal): Promise<PrometheusAnswer> {
    throw new Error('to be written');
  }

  /** Range query: samples on the grid start, start + step, … up to end. */
  async queryRange(
    _datasource: Datasource,
    _ask: { query: string; startSeconds: number; endSeconds: number; stepSeconds: number },
    _signal?: AbortSignal,
  ): Promise<PrometheusAnswer> {
    throw new Error('to be written');
  }
}
