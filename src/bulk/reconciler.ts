import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ExperimentStore } from '../experiments/experiment-rows.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { jobNotifications } from '../sizing/notifications.js';
import { EndedJobs } from './ending-steps.js';
import { BulkJobStore } from './job-rows.js';
import { LeaseStore } from './lease-rows.js';
import { WakeUps } from './queue.js';
import { StepRunner } from './step-runner.js';
import { type Step, stepNames, type WakeUp } from './steps.js';

const log = logOf('bulk');
const dayMs = 86_400_000;

/**
 * Restores lost wake-ups from the rows. Adding one that the queue already holds changes nothing, so every worker process runs this independently. While
 * the queue is unavailable it starts waiting work itself. It also ends jobs past their deadline and deletes old jobs.
 */
@Injectable()
export class Reconciler implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  /** Steps that had waiting rows but no filled slot in this process in the last round. */
  private readonly stuck = new Set<Step>();

  constructor(
    private readonly jobs: BulkJobStore,
    private readonly leases: LeaseStore,
    private readonly wakeUps: WakeUps,
    private readonly runner: StepRunner,
    private readonly ended: EndedJobs,
    private readonly experiments: ExperimentStore,
    @InjectSettings() private readonly settings: Settings,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.ROLE === 'api') return;
    this.plan(0);
    if (!this.settings.KAFKA_BOOTSTRAP_SERVERS) void this.warnAboutUnpublished().catch(() => undefined);
  }

  onModuleDestroy(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private plan(inMs: number): void {
    this.timer = setTimeout(async () => {
      await this.round(new Date()).catch((error) => {
        if (!this.isStopped) log.warn({ error: String(error) }, 'reconciling failed; the next round will retry');
      });
      if (!this.isStopped) this.plan(this.settings.RECONCILE_INTERVAL_MS);
    }, inMs);
  }

  /** Kafka may have been removed from the settings while records were pending. */
  private async warnAboutUnpublished(): Promise<void> {
    const jobs = await this.jobs.countUnpublished();
    if (jobs > 0) log.warn({ jobs }, 'publication is switched off, but records of jobs are still to be sent');
  }

  private async round(now: Date): Promise<void> {
    for (const { jobId, deadline } of await this.jobs.pastDeadline(now)) {
      await this.ended.end(jobId, jobNotifications.deadlinePassed(deadline)).catch((error) => {
        if (!this.isStopped) log.warn({ jobId, error: String(error) }, 'cannot end a job past its deadline; the next round will retry');
      });
    }
    for (const queue of await this.jobs.idleQueues()) await this.ended.startNext(queue);
    // In parallel: a hung queue delays each of them.
    await Promise.all(stepNames.map(async (step) => this.wake(step, await this.leases.waiting(step))));
    const days = this.settings.JOB_RETENTION_DAYS;
    if (days === 0) return;
    const before = new Date(now.getTime() - days * dayMs);
    const jobs = await this.jobs.deleteEndedBefore(before);
    const experiments = await this.experiments.deleteUnseenSince(before);
    if (jobs + experiments > 0) log.info({ jobs, experiments }, 'old jobs were deleted, and experiments that no later job found');
  }

  /** Wakes workers through the queue. If none in this process has woken by the next round, fills a slot directly: the queue may not deliver. */
  private async wake(step: Step, waiting: readonly WakeUp[]): Promise<void> {
    await this.wakeUps.wake(step, ...waiting);
    const isStuck = waiting.length > 0 && this.runner.isIdle(step);
    const wasStuck = this.stuck.delete(step);
    if (!isStuck) return;
    if (!wasStuck) this.stuck.add(step);
    else void this.runner.fillSlot(step).catch((error) => log.warn({ step, error: String(error) }, 'cannot lease a row now'));
  }
}
