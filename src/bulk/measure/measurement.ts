import type { Datasource } from '../../datasource/datasource.js';
import type { DatasourceFailure } from '../../datasource/datasource-error.js';
import type { Notifications } from '../../experiments/notification.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { BulkRequest } from '../bulk-request.js';
import type { PlannedExperiment } from '../shard.entity.js';

/** What a measuring thread is asked to do: plain data, it goes from thread to thread. */
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

/** One measurement an experiment, in their order; or why the datasource gave none. (An error's class does not survive the way between threads.) */
export type MeasureResult =
  | { readonly measurements: readonly Measurement[] }
  | { readonly datasourceFailure: { readonly failure: DatasourceFailure; readonly message: string } };

/** What a measuring thread is started with. */
export interface ThreadData {
  readonly settings: Settings;
  readonly databaseUrl: string;
}
