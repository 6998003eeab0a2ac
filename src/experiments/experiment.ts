import type { RawJson } from './documents.js';

/** Types of experiments that a bulk job creates. */
export const experimentTypes = ['container', 'namespace'] as const;
export type ExperimentType = (typeof experimentTypes)[number];

interface ExperimentBase {
  /** Unique within a job; built from the setting `experimentNameFormat`. */
  readonly name: string;
  readonly datasource: string;
  readonly clusterName: string;
  readonly namespace: string;
  /** Number of pod series that discovery counted, at least 1. An estimate for the size of shards and queries. */
  readonly pods: number;
}

export interface ContainerExperiment extends ExperimentBase {
  readonly type: 'container';
  readonly workload: string;
  /** `deployment`, `statefulset`, `daemonset`, `job`, …: the datasource's value, unchanged. */
  readonly workloadType: string;
  readonly container: string;
  readonly image: string;
}

export interface NamespaceExperiment extends ExperimentBase {
  readonly type: 'namespace';
}

/** One container of one workload, or one namespace, to be sized. */
export type Experiment = ContainerExperiment | NamespaceExperiment;

/** A notification of a job or an experiment, in Kruize's format (design/BulkAPI.md). */
export interface Notification {
  readonly type: 'ERROR' | 'WARNING' | 'INFO';
  readonly message: string;
  readonly code: number;
}

/** Notifications by key. Key and code may differ, as in Kruize. */
export type Notifications = Readonly<Record<string, Notification>>;

export type ExperimentStatus = 'UNPROCESSED' | 'PROCESSED' | 'FAILED' | 'PUBLISHED' | 'PUBLISH_FAILED';

export interface StatusChange {
  readonly status: ExperimentStatus;
  /** ISO-8601, UTC, milliseconds. */
  readonly timestamp: string;
}

/** One experiment in the format of GET /bulk and the Kafka records. */
export interface ExperimentDocument {
  readonly name: string;
  readonly status: ExperimentStatus;
  readonly apis: {
    readonly create: { readonly response?: object; readonly request?: object };
    /** `response`: the generateRecommendations array, rendered once when its shard was committed. */
    readonly recommendations: { readonly response?: RawJson };
  };
  readonly notifications?: Notifications;
  readonly status_history: readonly StatusChange[];
}
