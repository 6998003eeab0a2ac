import type { Capabilities } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import type { DiscoveryResult } from '../discovery/discovery.js';
import type { DiscoveryRequest } from '../discovery/plan-discovery.js';
import type { Notifications } from '../experiments/experiment.js';
import type { WindowWrites } from '../usage/cache/copy-rows.js';
import type { ResolvedRequest } from './bulk-request.js';
import type { PlannedExperiment } from './plan-experiments.js';

/** A datasource to discover. Tasks and their results are plain data: they go from thread to thread. */
export interface DiscoverTask extends Omit<DiscoveryRequest, 'onBrokenChunks'> {
  /** Results about days that earlier jobs kept; absent = nothing is kept. */
  readonly keptDays?: ReadonlyMap<string, Uint8Array>;
}

/** What a task found out about its datasource by the way. */
interface FoundByTheWay {
  /** Why the datasource's chunks cannot be read, although it is said to have them. */
  readonly brokenChunks?: string;
}

export interface Discovered extends DiscoveryResult, FoundByTheWay {
  /** Results to keep for the next job. */
  readonly days: ReadonlyMap<string, Uint8Array>;
}

/** A shard to measure. */
export interface MeasureTask {
  readonly jobId: string;
  readonly request: ResolvedRequest;
  /** The profile that fits the datasource's recording rules. */
  readonly metricProfile: string;
  readonly datasource: Datasource;
  readonly capabilities: Capabilities;
  readonly experiments: readonly PlannedExperiment[];
  /** Last instant of the usage, Unix seconds. */
  readonly endSeconds: number;
  /** Present if windows are stored; `stored` are rows of a binary COPY. */
  readonly windows?: { readonly stored?: Uint8Array<ArrayBuffer> | undefined };
}

/** How one experiment ended; `recommendation` as OutcomeStore keeps it. */
export type Measurement =
  | { readonly status: 'PROCESSED'; readonly recommendation: Uint8Array }
  | { readonly status: 'FAILED'; readonly notifications: Notifications };

export interface Measured extends FoundByTheWay {
  /** One for each experiment of the task, in their order. */
  readonly measurements: readonly Measurement[];
  /** Windows to store for the next job. */
  readonly writes?: WindowWrites | undefined;
}

/** Everything a job does except its rows: it reads datasources and computes recommendations. */
export interface Sizer {
  /** Rejects with a DatasourceError if the datasource fails, with a ProfileError if the profile cannot do what the filter requests. */
  discover(task: DiscoverTask, signal: AbortSignal): Promise<Discovered>;
  /** Rejects with a DatasourceError if the datasource fails. */
  measure(task: MeasureTask, signal: AbortSignal): Promise<Measured>;
  /** When a datasource last responded, in ms of performance.now(); undefined: never. */
  lastAnswerAt(datasource: string): number | undefined;
}
