import type { RawJson } from './documents.js';

/** Kinds of experiment that a bulk job makes. */
export const experimentTypes = ['container', 'namespace'] as const;
export type ExperimentType = (typeof experimentTypes)[number];

interface ExperimentBase {
  /** Unique in a job; made by `experimentNameFormat`. */
  readonly name: string;
  readonly datasource: string;
  readonly clusterName: string;
  readonly namespace: string;
  /** Pod series that discovery counted for it, at least 1: an estimate that sizes shards and queries. */
  readonly pods: number;
}

export interface ContainerExperiment extends ExperimentBase {
  readonly type: 'container';
  readonly workload: string;
  /** `deployment`, `statefulset`, `daemonset`, `job`, … as the datasource has it. */
  readonly workloadType: string;
  readonly container: string;
  readonly image: string;
}

export interface NamespaceExperiment extends ExperimentBase {
  readonly type: 'namespace';
}

/** What is sized: one container of one workload, or one namespace. */
export type Experiment = ContainerExperiment | NamespaceExperiment;

/** A notification of a job or an experiment (spec: bulk-and-kafka.md 2.11). */
export interface Notification {
  readonly type: 'ERROR' | 'WARNING' | 'INFO';
  readonly message: string;
  readonly code: number;
}

/** Notifications by key; the key and the code may differ, as in the reference. */
export type Notifications = Readonly<Record<string, Notification>>;

export type ExperimentStatus = 'UNPROCESSED' | 'PROCESSED' | 'FAILED' | 'PUBLISHED' | 'PUBLISH_FAILED';

export interface StatusChange {
  readonly status: ExperimentStatus;
  /** ISO-8601, UTC, milliseconds. */
  readonly timestamp: string;
}

/** One experiment as GET /bulk and the Kafka records show it (spec: bulk-and-kafka.md 2.8). */
export interface ExperimentDocument {
  readonly name: string;
  readonly status: ExperimentStatus;
  readonly apis: {
    readonly create: { readonly response?: object; readonly request?: object };
    /** `response`: the generateRecommendations array, rendered once when its shard committed. */
    readonly recommendations: { readonly response?: RawJson };
  };
  readonly notifications?: Notifications;
  readonly status_history: readonly StatusChange[];
}
