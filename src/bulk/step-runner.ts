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
import { maxAttempts, StepWork, TooManyAttempts, Verdict, verdictOn } from './step-work.js';
import { type Step, type StepDefinition, slotsOf, stepNames, steps, type WakeUpsByStep } from './steps.js';

const log = logOf('bulk');

/** How long a slot waits while the step already has as many active leases as slots. */
const slotPauseMs = 100;

/** Maximum number of jobs per step whose turns are remembered. */
const maxServed = 1_000;

/** Pause before a row is tried again if a bug kept its failure from being recorded. */
const unrecordedPauseMs = 60_000;

/** Only bugs count as attempts. */
const isBug = ({ kind }: Verdict): boolean => kind === 'again' || kind === 'given-up';

/** If a row kills its thread, other rows of the thread fail with it. Different pauses keep them from running together again. */
const spread = (): number => 0.5 + 1.5 * Math.random();

/** Runs the steps: leases rows in turn and decides what a failure means. */
@Injectable()
export class StepRunner {
  private readonly work: Readonly<Record<Step, StepWork>>;
  /** State of each step: jobs in the order of their last turn (latest last), number of filled slots, number of slots that are leasing a row. */
  private readonly perStep = Object.fromEntries(
    stepNames.map((step) => [step, { served: [] as string[], filled: 0, leasing: 0 }]),
  ) as Record<Step, { served: string[]; filled: number; leasing: number }>;
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

  /** Fills one slot of a step: works on its rows in turn until none waits. A row whose datasource or receiver is silent continues without the slot. */
  async fillSlot(step: Step): Promise<void> {
    this.perStep[step].filled++;
    try {
      await this.workOn(step);
    } finally {
      this.perStep[step].filled--;
    }
  }

  /** Whether no slot of a step is filled in this process. */
  isIdle(step: Step): boolean {
    return this.perStep[step].filled === 0;
  }

  private async workOn(step: Step): Promise<void> {
    const slots = slotsOf(step, this.settings);
    while (!this.isStopping && this.isUp(steps[step])) {
      if (this.running.activeCount(step) + this.perStep[step].leasing >= slots) {
        await sleep(slotPauseMs);
        continue;
      }
      const lease = await this.lease(step, slots);
      if (!lease) return;
      // The stop began while the row was being leased.
      if (this.isStopping) return this.running.release(lease, { counts: false, pauseMs: 0 });
      this.noteTurn(lease);
      const running = this.running.open(lease);
      const run = this.run(running);
      if ((await Promise.race([run, running.silent.then(() => 'silent')])) === 'silent') {
        // While the datasource or receiver was silent, wake-ups were consumed without work. The remaining rows need a new one.
        const wakeUp = 'shards' in steps[step] ? { jobId: lease.jobId, shard: lease.shard } : { jobId: lease.jobId };
        const waking = run.then(() => this.wakeUps.wakeAll({ [step]: [wakeUp] }));
        waking.catch((error) => log.error({ step, error: String(error) }, 'cannot end a step'));
      }
    }
  }

  private async lease(step: Step, slots: number): Promise<Lease | undefined> {
    this.perStep[step].leasing++;
    try {
      return await this.leases.next(step, this.running.silentDatasources(step, slots), this.perStep[step].served);
    } catch (error) {
      if (error instanceof LeaseUnsure) void this.running.release(error.lease, { counts: false, pauseMs: 0, unsureUntil: error.heldUntil });
      throw error;
    } finally {
      this.perStep[step].leasing--;
    }
  }

  /** Takes no more rows. Stops silent steps at once and the others after `graceMs`; their rows become free immediately. */
  async stop(graceMs: number): Promise<void> {
    this.isStopping = true;
    this.running.stopSilent();
    if (!(await this.untilIdle(graceMs))) {
      log.warn({ steps: this.running.count }, 'steps in progress were stopped; other workers or the next start will continue them');
      this.running.stopAll();
      await this.untilIdle(2_000);
    }
  }

  private async run(running: RunningLease): Promise<void> {
    const { lease, signal } = running;
    try {
      announce(lease, 'leased');
      log.debug({ step: lease.step, jobId: lease.jobId, shard: lease.shard }, 'a row is leased');
      if (lease.attempts > maxAttempts) throw new TooManyAttempts(maxAttempts, lease.lastError);
      // A step that waits for Kafka ignores the signal. It keeps running, but its lease decides whether it may commit.
      const waking = await untilAborted(this.work[lease.step].run(lease, signal), signal);
      await this.wake(lease, waking);
    } catch (reason) {
      // The error of a stopped step is a consequence of the stop.
      await this.judge(lease, signal.aborted ? signal.reason : reason);
    } finally {
      this.running.close(running);
    }
  }

  /** Carries out the verdict on a failure. If that fails too, usually because the database is unavailable, the row is released. */
  private async judge(lease: Lease, reason: unknown): Promise<void> {
    const verdict = verdictOn(reason, lease.attempts);
    const { step, jobId, shard } = lease;
    const error = reason instanceof Error ? reason : new Error(String(reason));
    const counts = isBug(verdict);
    log[counts ? 'error' : 'debug'](
      { step, jobId, shard, verdict: verdict.kind, error: counts ? error.stack : error.message },
      'a step failed',
    );
    try {
      if (verdict.kind === 'fails-job') return await this.wake(lease, await this.ended.fail(jobId, verdict.notifications, lease));
      if (verdict.kind === 'given-up') return await this.wake(lease, await this.work[step].giveUp(lease, error));
    } catch (failure) {
      const isCounted = isBug(verdictOn(failure, lease.attempts));
      if (isCounted) log.error({ step, jobId, shard, error: String(failure) }, 'cannot record the failure of a step');
      const pauseMs = isCounted ? unrecordedPauseMs * spread() : 1_000;
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
    const others = this.perStep[step].served.filter((id) => id !== jobId);
    this.perStep[step].served = [...others.slice(1 - maxServed), jobId];
  }

  private async untilIdle(timeoutMs: number): Promise<boolean> {
    const endMs = performance.now() + timeoutMs;
    const isBusy = () => this.running.count > 0 || stepNames.some((step) => !this.isIdle(step));
    while (isBusy() && performance.now() < endMs) await sleep(50);
    return !isBusy();
  }
}

/** Runs the queue's workers, unless this process only serves REST. A message fills one slot; the rows decide what is worked on. */
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
      return this.backend.worker(step, () => this.runner.fillSlot(step), slotsOf(step, this.settings));
    });
  }

  /** Steps in progress have SHUTDOWN_TIMEOUT_MS to end; after that other workers start them again. */
  async onModuleDestroy(): Promise<void> {
    // Close the workers first: a message taken now would be consumed without work.
    await Promise.race([Promise.all(this.workers.map((worker) => worker.close(true))), new Promise((done) => setTimeout(done, 1_000))]);
    await this.runner.stop(this.settings.SHUTDOWN_TIMEOUT_MS);
  }
}
