import type { Settings } from '../settings/settings-schema.js';

/** A step of a job. Each step has its own queue. */
export interface StepDefinition {
  /** Maximum number of rows that one process works on at once. */
  readonly concurrency: number | 'WORKER_CONCURRENCY';
  /** What must be available; otherwise nothing is leased. */
  readonly needs?: 'kafka';
  /** What the step waits for. If it is silent, the row loses its slot to the next one, and other rows of a silent datasource are skipped. */
  readonly waitsFor?: 'datasource' | 'receiver';
  /** SQL condition on bulk_job: jobs that the step may be pending for. */
  readonly jobs: string;
  /** State of the waiting shards. Absent if a lease covers a whole job, not a shard. */
  readonly shards?: 'planned' | 'recommended';
  /** Whether the job's end stops the step. */
  readonly endsWithJob: boolean;
}

export const steps = {
  discover: {
    concurrency: 2,
    waitsFor: 'datasource',
    jobs: `status = 'IN_PROGRESS' AND planned_at IS NULL AND NOT waits`,
    endsWithJob: true,
  },
  measure: {
    concurrency: 'WORKER_CONCURRENCY',
    waitsFor: 'datasource',
    jobs: `status = 'IN_PROGRESS' AND planned_at IS NOT NULL`,
    shards: 'planned',
    endsWithJob: true,
  },
  publish: {
    concurrency: 2,
    needs: 'kafka',
    jobs: `publication = 'pending'`,
    shards: 'recommended',
    endsWithJob: false,
  },
  finish: {
    concurrency: 4,
    needs: 'kafka',
    jobs: `publication = 'pending' AND status <> 'IN_PROGRESS'
           AND NOT EXISTS (SELECT FROM shard WHERE job_id = id AND state IN ('planned', 'recommended'))`,
    endsWithJob: false,
  },
  notify: { concurrency: 8, waitsFor: 'receiver', jobs: `webhook ->> 'status' = 'IN_PROGRESS'`, endsWithJob: false },
} as const satisfies Record<string, StepDefinition>;
export type Step = keyof typeof steps;
export const stepNames = Object.keys(steps) as Step[];

/** Number of rows of a step that one process works on at once. */
export function slotsOf(step: Step, settings: Pick<Settings, 'WORKER_CONCURRENCY'>): number {
  const { concurrency } = steps[step];
  return concurrency === 'WORKER_CONCURRENCY' ? settings.WORKER_CONCURRENCY : concurrency;
}

/** A row that waits for a step. As a queue message it only wakes a worker, which leases the next row in turn, not necessarily this one. */
export interface WakeUp {
  readonly jobId: string;
  /** Present if the step works on shards. */
  readonly shard?: number;
}

/** Waiting rows, by the step that they wait for. */
export type WakeUpsByStep = Partial<Record<Step, readonly WakeUp[]>>;

/** Message id: equal for equal wake-ups, so that the queue holds each at most once. */
export function wakeUpId({ jobId, shard }: WakeUp): string {
  return shard === undefined ? jobId : `${jobId}-${shard}`;
}
