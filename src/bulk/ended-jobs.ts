import { Injectable } from '@nestjs/common';
import type { Notifications } from '../experiments/experiment.js';
import { logOf } from '../settings/logger.js';
import { BulkJobStore } from './job-rows.js';
import type { Lease } from './lease-rows.js';
import { WakeUps } from './queue.js';
import { ShardStore } from './shard-rows.js';
import type { WakeUpsByStep } from './steps.js';

const log = logOf('bulk');

/** The end of jobs, and what waits then: last records, the summary, the webhook. */
@Injectable()
export class EndedJobs {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly wakeUps: WakeUps,
  ) {}

  /** Ends a job from outside its steps: a cancel, a deadline. False when the job had ended already. Does not wait for the queue. */
  async end(jobId: string, notifications: Notifications): Promise<boolean> {
    if (!(await this.jobs.fail(jobId, notifications, new Date()))) return false;
    void this.wakeUps.wakeAll(await this.begin(jobId));
    return true;
  }

  /** Ends a job as FAILED under the lease of the step that failed it, with every experiment that has no outcome yet. Rejects with LeaseLost. */
  async fail(jobId: string, notifications: Notifications, lease: Lease): Promise<WakeUpsByStep> {
    return (await this.jobs.fail(jobId, notifications, new Date(), lease)) ? this.begin(jobId) : {};
  }

  /** What waits when a job has just ended. */
  async begin(jobId: string): Promise<WakeUpsByStep> {
    await this.tell(jobId);
    return this.waking(jobId);
  }

  /** Logs how the job ended, why, and how many experiments failed; a warning unless it completed or was cancelled. */
  private async tell(jobId: string): Promise<void> {
    const [job, { processed, failed }] = await Promise.all([this.jobs.find(jobId), this.jobs.progressOf(jobId)]);
    if (!job) return;
    const { status, startedAt, endedAt, totalExperiments } = job;
    const reason = Object.values(job.notifications)[0]?.message;
    const isAsked = status === 'COMPLETED' || '499' in job.notifications;
    const seconds = ((endedAt ?? new Date()).getTime() - startedAt.getTime()) / 1000;
    log[isAsked ? 'info' : 'warn']({ jobId, status, reason, experiments: totalExperiments, processed, failed, seconds }, 'a job ended');
  }

  /** What still waits of a job that has ended; nothing before. */
  async waking(jobId: string): Promise<WakeUpsByStep> {
    const job = await this.jobs.find(jobId);
    if (!job || job.status === 'IN_PROGRESS') return {};
    const notify = job.webhook?.status === 'IN_PROGRESS' ? [{ jobId }] : [];
    if (job.publication !== 'pending') return { notify };
    const unpublished = await this.shards.unpublishedOf(jobId);
    return { notify, publish: unpublished.map((shard) => ({ jobId, shard })), finish: unpublished.length === 0 ? [{ jobId }] : [] };
  }
}
