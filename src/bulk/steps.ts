import type { Settings } from '../settings/settings-schema.js';

/** What a job goes through. Each step is a queue of its own. */
export interface StepDefinition {
  /** What one lease covers: a whole job, or one shard. */
  readonly unit: 'job' | 'shard';
  /** How many of them one process works on at once. */
  readonly atOnce: number | 'WORKER_CONCURRENCY';
  /** What must be up; while it is not, nothing is leased, read or rendered. */
  readonly needs?: 'kafka';
  /** What the step waits for. A row that waits in vain loses its place to the next one; rows of silent datasources are skipped. */
  readonly waitsFor?: 'datasource' | 'receiver';
  /** SQL: jobs (rows of bulk_job) for which something waits. */
  readonly jobs: string;
  /** State of the shards that wait; only where the unit is a shard. */
  readonly shards?: 'planned' | 'recommended';
  /** Whether the job's end stops the step. */
  readonly endsWithJob: boolean;
}

export const steps = {
  discover: { unit: 'job', atOnce: 2, waitsFor: 'datasource', jobs: `status = 'IN_PROGRESS' AND planned_at IS NULL`, endsWithJob: true },
  measure: {
    unit: 'shard',
    atOnce: 'WORKER_CONCURRENCY',
    waitsFor: 'datasource',
    jobs: `status = 'IN_PROGRESS' AND planned_at IS NOT NULL`,
    shards: 'planned',
    endsWithJob: true,
  },
  publish: {
    unit: 'shard',
    atOnce: 2,
    needs: 'kafka',
    jobs: `publication = 'pending'`,
    shards: 'recommended',
    endsWithJob: false,
  },
  finish: {
    unit: 'job',
    atOnce: 4,
    needs: 'kafka',
    jobs: `publication = 'pending' AND status <> 'IN_PROGRESS'
           AND NOT EXISTS (SELECT FROM shard WHERE job_id = id AND state IN ('planned', 'recommended'))`,
    endsWithJob: false,
  },
  notify: { unit: 'job', atOnce: 8, waitsFor: 'receiver', jobs: `webhook ->> 'status' = 'IN_PROGRESS'`, endsWithJob: false },
} as const satisfies Record<string, StepDefinition>;
export type Step = keyof typeof steps;
export const stepNames = Object.keys(steps) as Step[];

/** How many rows of a step one process works on at once. */
export function placesOf(step: Step, settings: Pick<Settings, 'WORKER_CONCURRENCY'>): number {
  const { atOnce } = steps[step];
  return atOnce === 'WORKER_CONCURRENCY' ? settings.WORKER_CONCURRENCY : atOnce;
}

/** A row that waits. In the queue it only says that there is one: the worker that it wakes takes the row whose turn it is. */
export interface WakeUp {
  readonly jobId: string;
  /** Only where the step's unit is a shard. */
  readonly shard?: number;
}

/** Rows that a step leaves waiting, by the step that they wait for. */
export type WakeUpsByStep = Partial<Record<Step, readonly WakeUp[]>>;

/** Equal for equal wake-ups, so that the queue holds each at most once. */
export function wakeUpId({ jobId, shard }: WakeUp): string {
  return shard === undefined ? jobId : `${jobId}-${shard}`;
}
