import type { Capabilities } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceError, type DatasourceFailure } from '../datasource/datasource-error.js';
import type { DiscoveryResult } from '../discovery/discovery.js';
import type { DiscoveryRequest } from '../discovery/plan-discovery.js';
import type { Notifications } from '../experiments/experiment.js';
import { ConfigError } from '../profiles/config-folder.js';
import type { LoadedWindows, WindowWrites } from '../usage/cache/copy-rows.js';
import type { ResolvedRequest } from './bulk-request.js';
import type { PlannedExperiment } from './plan-experiments.js';

/** A datasource to discover. Tasks and results are plain data because they pass between threads. */
export interface DiscoverTask extends Omit<DiscoveryRequest, 'onBrokenChunks'> {
  /** Results for days that earlier jobs kept; absent if none are kept. */
  readonly keptDays?: ReadonlyMap<string, Uint8Array>;
}

/** Whether a task could read the datasource's chunks. */
interface ChunkState {
  /** Why the chunks cannot be read although the datasource offers them; absent if they can. */
  readonly brokenChunks?: string;
}

export interface Discovered extends DiscoveryResult, ChunkState {
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
  /** Present if windows are stored. */
  readonly windows?: LoadedWindows;
}

/** Result for one experiment; `recommendation` is in OutcomeStore's format. */
export type Measurement =
  | { readonly status: 'PROCESSED'; readonly recommendation: Uint8Array }
  | { readonly status: 'FAILED'; readonly notifications: Notifications };

export interface Measured extends ChunkState {
  /** One per experiment of the task, in their order. */
  readonly measurements: readonly Measurement[];
  /** Windows to store for the next job. */
  readonly writes?: WindowWrites | undefined;
  /** Memory that came with the task and is no longer used. */
  readonly memory: readonly SharedArrayBuffer[];
}

/** The work of a job without its rows: reads datasources and computes recommendations. */
export interface Sizer {
  /** Rejects with a DatasourceError if the datasource fails, with an error of the profile if it does not support the filter. */
  discover(task: DiscoverTask, signal: AbortSignal): Promise<Discovered>;
  /** Rejects with a DatasourceError if the datasource fails. */
  measure(task: MeasureTask, signal: AbortSignal): Promise<Measured>;
  /** When a datasource last responded, in ms of performance.now(); undefined if never. */
  lastAnswerAt(datasource: string): number | undefined;
}

/** A measuring thread ended while it worked on a task. */
export class ThreadDied extends Error {
  constructor(cause: unknown) {
    super(`A measuring thread ended: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'ThreadDied';
  }
}

/** There are no measuring threads: the process shuts down or does not measure. */
export class ThreadsClosed extends Error {
  constructor() {
    super('There are no measuring threads.');
    this.name = 'ThreadsClosed';
  }
}

/** A profile does not support the job; the message says why. */
export class ProfileFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProfileFailure';
  }
}

/** An error in transit between threads, where it would otherwise lose its class. */
export interface FailedTask {
  readonly kind: 'datasource' | 'profile' | 'bug';
  readonly message: string;
  readonly failure?: DatasourceFailure;
  readonly stack?: string;
}

/** What a thread returns. */
export type TaskResult<T> = { readonly value: T } | { readonly failed: FailedTask };

export function packError(reason: unknown): FailedTask {
  if (reason instanceof DatasourceError) return { kind: 'datasource', message: reason.message, failure: reason.failure };
  if (reason instanceof ConfigError) return { kind: 'profile', message: reason.message };
  const { message, stack } = reason instanceof Error ? reason : new Error(String(reason));
  return { kind: 'bug', message, stack };
}

export function unpackError({ kind, message, failure, stack }: FailedTask): Error {
  if (kind === 'datasource') return new DatasourceError(failure!, message);
  if (kind === 'profile') return new ProfileFailure(message);
  return Object.assign(new Error(message), { stack });
}
