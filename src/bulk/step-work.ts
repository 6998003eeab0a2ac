import { isDatabaseAway } from '../database/database-error.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import type { Notifications } from '../experiments/experiment.js';
import { PublicationError } from '../publication/publication-error.js';
import { jobNotifications } from '../sizing/notifications.js';
import { ProfileFailure, ThreadsClosed } from '../sizing/sizer.js';
import { type Lease, LeaseLost, Stopped } from './lease-rows.js';
import type { WakeUpsByStep } from './steps.js';

/** Maximum attempts on one row that end with a crash of the process or a bug; then the step is given up. */
export const maxAttempts = 5;

/** A job cannot be run; `notifications` say why. */
export class JobFailure extends Error {
  constructor(readonly notifications: Notifications) {
    super(Object.values(notifications)[0]?.message);
    this.name = 'JobFailure';
  }
}

/** The row has used up its attempts: usually because the process died each time. */
export class TooManyAttempts extends Error {
  constructor(attempts: number, lastError: string | undefined) {
    super(`Given up after ${attempts} attempts${lastError ? `; last error: ${lastError}` : ': the process ended during each of them.'}`);
    this.name = 'TooManyAttempts';
  }
}

/** What a failed attempt means. */
export type Verdict =
  /** The row is free at once; the attempt does not count. */
  | { readonly kind: 'stopped' }
  /** Something that the step needs is unavailable: the row is free after a pause; the attempt does not count. */
  | { readonly kind: 'waits'; readonly pauseMs: number }
  /** The attempt counts; the row is free after a pause. */
  | { readonly kind: 'again'; readonly pauseMs: number }
  | { readonly kind: 'fails-job'; readonly notifications: Notifications }
  | { readonly kind: 'given-up' };

export const pauseMs = 1_000;

/** A refused topic needs an operator, and each attempt renders a shard: retry less often. */
export const topicPauseMs = 15_000;

export type Rule = readonly [matches: (reason: unknown) => boolean, verdict: (reason: never, attempts: number) => Verdict];

/** Verdicts by error class; the first match applies. Anything else is a bug. */
export const rules: readonly Rule[] = [
  [(reason) => reason instanceof LeaseLost || reason instanceof Stopped, () => ({ kind: 'stopped' })],
  [(reason) => reason instanceof TooManyAttempts, () => ({ kind: 'given-up' })],
  [(reason) => reason instanceof JobFailure, ({ notifications }: JobFailure) => ({ kind: 'fails-job', notifications })],
  [
    (reason) => reason instanceof DatasourceError || reason instanceof ProfileFailure,
    (reason) => ({ kind: 'fails-job', notifications: jobNotifications.failure(reason) }),
  ],
  [(reason) => reason instanceof PublicationError && reason.isAboutTopic, () => ({ kind: 'waits', pauseMs: topicPauseMs })],
  [(reason) => reason instanceof PublicationError && !reason.isAboutRecords, () => ({ kind: 'waits', pauseMs })],
  [(reason) => isDatabaseAway(reason) || reason instanceof ThreadsClosed, () => ({ kind: 'waits', pauseMs })],
  [
    () => true,
    (_, attempts) => (attempts < maxAttempts ? { kind: 'again', pauseMs: pauseMs * 2 ** (attempts - 1) } : { kind: 'given-up' }),
  ],
];

/** The verdict on a failed attempt, for all steps. */
export function verdictOn(reason: unknown, attempts: number): Verdict {
  const [, verdict] = rules.find(([matches]) => matches(reason))!;
  return verdict(reason as never, attempts);
}

/** The work of a step. Both methods commit under the lease, return the wake-ups for the next steps, and let errors through to the runner. */
export interface StepWork {
  run(lease: Lease, signal: AbortSignal): Promise<WakeUpsByStep>;
  /** Commits that the step was given up and why. */
  giveUp(lease: Lease, reason: Error): Promise<WakeUpsByStep>;
}
