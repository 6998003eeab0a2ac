/** The steps of a job, each a queue of its own, and how many of each one process works on at once. */
export const steps = {
  discover: { concurrency: 2 },
  measure: { concurrency: 'WORKER_CONCURRENCY' },
  publish: { concurrency: 2 },
  finish: { concurrency: 4 },
  notify: { concurrency: 8 },
} as const satisfies Record<string, { concurrency: number | 'WORKER_CONCURRENCY' }>;
export type Step = keyof typeof steps;
export const stepNames = Object.keys(steps) as Step[];

/** What a wake-up says: "look at this row". Everything else stands in the row. */
export interface WakeUp {
  readonly jobId: string;
  /** Only for measure and publish. */
  readonly shard?: number;
}

/** Equal for equal wake-ups, so that the queue holds each at most once. */
export function wakeUpId({ jobId, shard }: WakeUp): string {
  return shard === undefined ? jobId : `${jobId}-${shard}`;
}
