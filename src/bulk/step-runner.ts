import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { untilAborted } from '../calls/abort.js';
import { Publisher } from '../publication/publisher.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { DiscoverStep } from './discover-step.js';
import { EndedJobs, FinishStep, NotifyStep } from './ending-steps.js';
import { type Lease, LeaseStore, LeaseUnsure } from './lease-rows.js';
import { QueueBackend, WakeUps } from './queue.js';
import { announce, type RunningLease, RunningLeases } from './running-leases.js';
import { MeasureStep, PublishStep } from './shard-steps.js';
import { mostAttempts, StepWork, TooManyAttempts, Verdict, verdictOn } from './step-work.js';
import { placesOf, type Step, type StepDefinition, stepNames, steps, type WakeUpsByStep } from './steps.js';

const log = logOf('bulk');

/** How long a place waits while as many leases are active as the step has places. */
const placePauseMs = 100;

/** Jobs whose turns are remembered, by step. */
const mostServed = 1_000;

/** Pause before a failure that could not be recorded, because of a fault of ours, is handled again. */
const unnotedPauseMs = 60_000;

/** A fault of ours counts as an attempt. */
const isOurs = ({ kind }: Verdict): boolean => kind === 'again' || kind === 'given-up';

/** Two rows fail together when one of them kills their thread. Different pauses keep them from coming back together. */
const spread = (): number => 0.5 + 1.5 * Math.random();

/** Runs the steps: leases rows in turn, stops what is void, and decides what a failure means. */
@Injectable()
export class StepRunner {
  private readonly work: Readonly<Record<Step, StepWork>>;
  private readonly served = new Map<Step, string[]>();
  /** How many places of each step are filled. */
  private readonly filled = new Map<Step, number>();
  /** How many of them are about to lease a row. */
  private readonly leasing = new Map<Step, number>();
  private isStopping = false;

  constructor(
    private readonly leases: LeaseStore,
    private readonly running: RunningLeases,
    private readonly wakeUps: WakeUps,
    private readonly ended: EndedJobs,
    private readonly publisher: Publisher,
    discover: DiscoverStep,
    measure: MeasureStep,
    publish: PublishStep,
    finish: FinishStep,
    notify: NotifyStep,
    @InjectSettings() private readonly settings: Pick<Settings, 'WORKER_CONCURRENCY'>,
  ) {
    this.work = { discover, measure, publish, finish, notify };
  }

  /** Fills one place of a step: works on its rows, whose turn it is, until none waits. A row whose datasource or receiver is silent runs on without the place. */
  async fillPlace(step: Step): Promise<void> {
    this.filled.set(step, this.filledOf(step) + 1);
    try {
      await this.workOn(step);
    } finally {
      this.filled.set(step, this.filledOf(step) - 1);
    }
  }

  /** Whether this process fills no place of a step. */
  isIdle(step: Step): boolean {
    return this.filledOf(step) === 0;
  }

  private filledOf(step: Step): number {
    return this.filled.get(step) ?? 0;
  }

  private async workOn(step: Step): Promise<void> {
    const places = placesOf(step, this.settings);
    while (!this.isStopping && this.isUp(steps[step])) {
      if (this.running.activeCount(step) + this.leasingOf(step) >= places) {
        await sleep(placePauseMs);
        continue;
      }
      const lease = await this.lease(step, places);
      if (!lease) return;
      // The stop began while the row was being leased.
      if (this.isStopping) return this.running.release(lease, { counts: false, pauseMs: 0 });
      this.noteTurn(lease);
      const running = this.running.open(lease);
      const run = this.run(running);
      if ((await Promise.race([run, running.silent.then(() => 'silent')])) === 'silent') {
        const waking = run.then(() => this.wakeAgain(lease));
        waking.catch((error) => log.error({ step, error: String(error) }, 'a step could not be ended'));
      }
    }
  }

  private async lease(step: Step, places: number): Promise<Lease | undefined> {
    this.leasing.set(step, this.leasingOf(step) + 1);
    try {
      return await this.leases.next(step, this.running.silentDatasources(step, places), this.served.get(step) ?? []);
    } catch (error) {
      if (error instanceof LeaseUnsure) void this.running.release(error.lease, { counts: false, pauseMs: 0, unsureUntil: error.heldUntil });
      throw error;
    } finally {
      this.leasing.set(step, this.leasingOf(step) - 1);
    }
  }

  private leasingOf(step: Step): number {
    return this.leasing.get(step) ?? 0;
  }

  /** While its datasource was silent, wake-ups found nothing to do and were used up; one more is needed for the rows that are left. */
  private async wakeAgain({ step, jobId, shard }: Lease): Promise<void> {
    await this.wakeUps.wakeAll({ [step]: [steps[step].unit === 'shard' ? { jobId, shard } : { jobId }] });
  }

  /** Takes no further rows. What waits in vain is stopped at once, and what runs after `graceMs`; their rows are free at once. */
  async stop(graceMs: number): Promise<void> {
    this.isStopping = true;
    this.running.stopSilent();
    if (!(await this.untilIdle(graceMs))) {
      log.warn({ steps: this.running.count }, 'steps in progress are left to other workers, or to the next start');
      this.running.stopAll();
      await this.untilIdle(2_000);
    }
  }

  private async run(running: RunningLease): Promise<void> {
    const { lease, signal } = running;
    try {
      announce(lease, 'leased');
      log.debug({ step: lease.step, jobId: lease.jobId, shard: lease.shard }, 'a row is leased');
      if (lease.attempts > mostAttempts) throw new TooManyAttempts(mostAttempts, lease.lastError);
      // A step that waits for Kafka does not listen to the signal. It is left running; whether it may still commit, its lease decides.
      const waking = await untilAborted(this.work[lease.step].run(lease, signal), signal);
      await this.wake(lease, waking);
    } catch (reason) {
      // What a stopped step ends with is a consequence of the stop.
      await this.judge(lease, signal.aborted ? signal.reason : reason);
    } finally {
      this.running.close(running);
    }
  }

  /** Does what the verdict says. What fails meanwhile is judged as well: only a giving up can, and the database is then away. */
  private async judge(lease: Lease, reason: unknown): Promise<void> {
    const verdict = verdictOn(reason, lease.attempts);
    const { step, jobId, shard } = lease;
    const error = reason instanceof Error ? reason : new Error(String(reason));
    const counts = isOurs(verdict);
    log[counts ? 'error' : 'debug'](
      { step, jobId, shard, verdict: verdict.kind, error: counts ? error.stack : error.message },
      'a step failed',
    );
    try {
      if (verdict.kind === 'fails-job') return await this.wake(lease, await this.ended.fail(jobId, verdict.notifications, lease));
      if (verdict.kind === 'given-up') return await this.wake(lease, await this.work[step].giveUp(lease, error));
    } catch (failure) {
      const isCounted = isOurs(verdictOn(failure, lease.attempts));
      if (isCounted) log.error({ step, jobId, shard, error: String(failure) }, 'a failed step cannot be noted');
      const pauseMs = isCounted ? unnotedPauseMs * spread() : 1_000;
      return this.running.release(lease, { counts: isCounted, pauseMs, reason: isCounted ? String(failure) : undefined });
    }
    const pauseMs = verdict.kind === 'stopped' ? 0 : verdict.kind === 'again' ? verdict.pauseMs * spread() : verdict.pauseMs;
    await this.running.release(lease, { counts, pauseMs, reason: verdict.kind === 'stopped' ? undefined : error.message });
  }

  private async wake(lease: Lease, waking: WakeUpsByStep): Promise<void> {
    announce(lease, 'committed');
    await this.wakeUps.wakeAll(waking);
    announce(lease, 'ended');
  }

  private isUp({ needs }: StepDefinition): boolean {
    return needs !== 'kafka' || this.publisher.isUp;
  }

  private noteTurn({ step, jobId }: Lease): void {
    const others = (this.served.get(step) ?? []).filter((id) => id !== jobId);
    this.served.set(step, [...others.slice(1 - mostServed), jobId]);
  }

  private async untilIdle(timeoutMs: number): Promise<boolean> {
    const endMs = performance.now() + timeoutMs;
    const isBusy = () => this.running.count > 0 || stepNames.some((step) => !this.isIdle(step));
    while (isBusy() && performance.now() < endMs) await sleep(50);
    return !isBusy();
  }
}

/** Wakes the step runner, unless this process only answers REST. A message fills one place; what is worked on there, the rows decide. */
@Injectable()
export class StepWorkers implements OnApplicationBootstrap, OnModuleDestroy {
  private workers: ReturnType<QueueBackend['worker']>[] = [];

  constructor(
    private readonly backend: QueueBackend,
    private readonly runner: StepRunner,
    @InjectSettings() private readonly settings: Settings,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.ROLE === 'api') return;
    this.workers = stepNames.map((step) => {
      return this.backend.worker(step, () => this.runner.fillPlace(step), placesOf(step, this.settings));
    });
  }

  /** Steps in progress have SHUTDOWN_TIMEOUT_MS to end; after that other workers begin them anew. */
  async onModuleDestroy(): Promise<void> {
    // Closed first: a message that is taken now would be used up without work.
    await Promise.race([Promise.all(this.workers.map((worker) => worker.close(true))), new Promise((done) => setTimeout(done, 1_000))]);
    await this.runner.stop(this.settings.SHUTDOWN_TIMEOUT_MS);
  }
}
