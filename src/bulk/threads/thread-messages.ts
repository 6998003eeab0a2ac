import type { Datasource } from '../../datasource/datasource.js';
import type { DatasourceFailure } from '../../datasource/datasource-error.js';
import type { Notifications } from '../../experiments/notification.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { BulkRequest } from '../bulk-request.js';
import type { PlannedExperiment } from '../shard.entity.js';

/** What a thread is asked to measure: plain data, it goes from thread to thread. */
export interface MeasureTask {
  readonly jobId: string;
  readonly request: BulkRequest;
  readonly datasource: Datasource;
  readonly experiments: readonly PlannedExperiment[];
  /** Last instant of the usage. */
  readonly endSeconds: number;
}

/** How one experiment ended; `recommendation` as OutcomeStore keeps it. */
export type Measurement =
  | { readonly status: 'PROCESSED'; readonly recommendation: Uint8Array }
  | { readonly status: 'FAILED'; readonly notifications: Notifications };

/** What a thread answers, or how the datasource failed: an error's class does not survive the way between threads. */
export type Answered<T> =
  | { readonly value: T }
  | { readonly datasourceFailure: { readonly failure: DatasourceFailure; readonly message: string } };

/** What a thread is started with. */
export interface ThreadData {
  readonly settings: Settings;
  readonly databaseUrl: string;
}
