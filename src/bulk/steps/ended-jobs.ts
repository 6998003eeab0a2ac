import { Injectable } from '@nestjs/common';
import type { Notifications } from '../../experiments/notification.js';
import { logOf } from '../../settings/logger.js';
import { BulkJobStore } from '../bulk-job-store.js';
import { WakeUps } from '../queue/wake-ups.js';
import { ShardStore } from '../shard-store.js';

const log = logOf('bulk');

/** What follows when a job ends: its last records, its summary, its webhook. */
@Injectable()
export class EndedJobs {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly wakeUps: WakeUps,
  ) {}

  /** Ends a job as FAILED, with every experiment that has no outcome yet. Does nothing to a job that has ended. */
  async fail(jobId: string, notifications: Notifications): Promise<void> {
    if (await this.jobs.fail(jobId, notifications, new Date())) await this.wake(jobId);
  }

  /** Wakes whatever an ended job still needs. */
  async wake(jobId: string): Promise<void> {
    const job = await this.jobs.find(jobId);
    if (!job || job.status === 'IN_PROGRESS') return;
    log.info({ jobId, status: job.status, experiments: job.totalExperiments }, 'a job ended');
    if (job.webhook?.status === 'IN_PROGRESS') await this.wakeUps.wake('notify', { jobId });
    if (job.publication !== 'pending') return;
    const unpublished = [...(await this.shards.ofJob(jobId)).values()].filter(({ state }) => state === 'recommended');
    if (unpublished.length === 0) await this.wakeUps.wake('finish', { jobId });
    await this.wakeUps.wake('publish', ...unpublished.map(({ number }) => ({ jobId, shard: number })));
  }
}
