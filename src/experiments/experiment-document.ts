import type { Notifications } from './notification.js';
import type { RawJson } from './raw-json.js';

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
