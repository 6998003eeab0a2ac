import type { MessagePort } from 'node:worker_threads';
import type { Datasource } from '../datasource/datasource.js';
import type { DiscoveryRequest } from '../discovery/plan-discovery.js';
import type { Notifications } from '../experiments/experiment.js';
import type { Settings } from '../settings/settings-schema.js';
import type { BulkRequest } from './bulk-request.js';
import type { PlannedExperiment } from './plan-experiments.js';

/** What a thread is to measure: plain data, it goes from thread to thread. */
export interface MeasureTask {
  readonly jobId: string;
  readonly request: BulkRequest;
  readonly datasource: Datasource;
  readonly experiments: readonly PlannedExperiment[];
  /** Last instant of the usage. */
  readonly endSeconds: number;
}

/** A task on its way to a thread. On the port the thread hears that it is to stop, and tells that its datasource has answered something. */
export interface SentTask<Task extends MeasureTask | DiscoveryRequest> {
  readonly task: Task;
  readonly port: MessagePort;
}

/** How one experiment ended; `recommendation` as OutcomeStore keeps it. */
export type Measurement =
  | { readonly status: 'PROCESSED'; readonly recommendation: Uint8Array }
  | { readonly status: 'FAILED'; readonly notifications: Notifications };

/** What a thread is started with. */
export interface ThreadData {
  readonly settings: Settings;
  readonly databaseUrl: string;
}
