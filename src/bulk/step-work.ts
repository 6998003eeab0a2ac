import { isDatabaseAway } from '../database/database-error.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import type { Notifications } from '../experiments/experiment.js';
import { PublicationError } from '../publication/publication-error.js';
import { jobNotifications } from '../sizing/notifications.js';
import { ProfileFailure, ThreadsClosed } from '../sizing/sizer.js';
import { type Lease, LeaseLost, Stopped } from './lease-rows.js';
import type { WakeUpsByStep } from './steps.js';

/** Attempts at one row that may end by a crash of the process or a fault of ours; then the step is given up. */
export const mostAttempts = 5;

/** A job cannot do what it was made for. */
export class JobFailure extends Error {
  constructor(readonly notifications: Notifications) {
    super(Object.values(notifications)[0]?.message);
    this.name = 'JobFailure';
  }
}

/** The attempts before ended without a word: the process died each time. */
export class TooManyAttempts extends Error {
  constructor(attempts: number, lastError: string | undefined) {
    super(`Given up after ${attempts} attempts${lastError ? `; the last one: ${lastError}` : ': the process ended during each of them.'}`);
    this.name = 'TooManyAttempts';
  }
}

/** What a failed attempt means. */
export type Verdict =
  /** The row is free again at once; the attempt does not count. */
  | { readonly kind: 'stopped' }
  /** Something that the step needs is away: the row is free after a pause; the attempt does not count. */
  | { readonly kind: 'waits'; readonly pauseMs: number }
  /** The attempt counts; the row is free after a pause. */
  | { readonly kind: 'again'; readonly pauseMs: number }
  | { readonly kind: 'fails-job'; readonly notifications: Notifications }
  | { readonly kind: 'given-up' };

export const pauseMs = 1_000;

/** Somebody must act before a refused topic takes records, and each attempt renders a shard. */
export const topicPauseMs = 15_000;

export type Rule = readonly [matches: (reason: unknown) => boolean, verdict: (reason: never, attempts: number) => Verdict];

/** By error class, the first that matches; everything that no rule names is a fault of ours. */
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
    (_, attempts) => (attempts < mostAttempts ? { kind: 'again', pauseMs: pauseMs * 2 ** (attempts - 1) } : { kind: 'given-up' }),
  ],
];

/** What the failure of an attempt means: one table for all steps. */
export function verdictOn(reason: unknown, attempts: number): Verdict {
  const [, verdict] = rules.find(([matches]) => matches(reason))!;
  return verdict(reason as never, attempts);
}

/** What a step does. It catches nothing: the runner decides what a failure means. Both commit under the lease and return what waits then. */
export interface StepWork {
  run(lease: Lease, signal: AbortSignal): Promise<WakeUpsByStep>;
  /** Commits that the step is given up, and why. */
  giveUp(lease: Lease, reason: Error): Promise<WakeUpsByStep>;
}
