import { Injectable } from '@nestjs/common';
import { DatasourceError } from '../../datasource/datasource-error.js';
import { Datasources } from '../../datasource/datasources.js';
import type { Notifications } from '../../experiments/notification.js';
import type { Outcome } from '../../experiments/outcome-store.js';
import { logOf } from '../../settings/logger.js';
import type { BulkJobEntity } from '../bulk-job.entity.js';
import { BulkJobStore } from '../bulk-job-store.js';
import { experimentNotifications, jobNotifications } from '../bulk-notifications.js';
import { WakeUps } from '../queue/wake-ups.js';
import type { PlannedExperiment } from '../shard.entity.js';
import { type ShardLease, ShardStore } from '../shard-store.js';
import type { Measurement } from '../threads/thread-messages.js';
import { WorkerThreads } from '../threads/worker-threads.js';
import { EndedJobs } from './ended-jobs.js';

const log = logOf('bulk');

/** A shard on which we stumble this often by a fault of our own is given up. */
const mostAttempts = 5;

type Measured = { readonly outcomes: readonly Outcome[] } | { readonly jobFailure: Notifications };

/** Second step: has a shard's usage read and its recommendations computed, and commits all outcomes at once. */
@Injectable()
export class MeasureShard {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly sources: Datasources,
    private readonly threads: WorkerThreads,
    private readonly wakeUps: WakeUps,
    private readonly ended: EndedJobs,
  ) {}

  async run({ jobId, shard: number }: { jobId: string; shard?: number }): Promise<void> {
    const job = await this.jobs.find(jobId);
    if (job?.status !== 'IN_PROGRESS' || number === undefined) return;
    const lease = await this.shards.lease(jobId, number);
    if (!lease) return;
    const measured = await this.measure(job, lease).catch((reason) => asFailure(reason, lease));
    if ('outcomes' in measured) await this.commit(job, lease, measured.outcomes);
    else await this.ended.fail(jobId, measured.jobFailure);
  }

  private async measure(job: BulkJobEntity, { experiments }: ShardLease): Promise<Measured> {
    const name = experiments[0].datasource;
    const datasource = this.sources.find(name);
    if (!datasource) return { jobFailure: jobNotifications.unknownDatasource(name) };
    const endSeconds = job.usageEnd.getTime() / 1000;
    const measurements = await this.threads.measure({ jobId: job.id, request: job.request, datasource, experiments, endSeconds });
    return { outcomes: experiments.map((experiment, index) => outcomeOf(experiment, measurements[index])) };
  }

  private async commit(job: BulkJobEntity, lease: ShardLease, outcomes: readonly Outcome[]): Promise<void> {
    const { jobId, number } = lease;
    const result = await this.shards.commit(lease, outcomes, new Date());
    log.debug({ jobId, shard: number, result, experiments: outcomes.length }, 'a shard is measured');
    if (result === 'stale') return;
    if (job.publication === 'pending') await this.wakeUps.wake('publish', { jobId, shard: number });
    if (result === 'job-ended') await this.ended.wake(jobId);
  }
}

/** A datasource that fails ends the job; a fault of ours fails the shard's experiments after some attempts. */
function asFailure(reason: unknown, { jobId, number, attempt, experiments }: ShardLease): Measured {
  if (reason instanceof DatasourceError) {
    log.warn({ jobId, shard: number, error: reason.message }, 'usage cannot be read');
    return { jobFailure: jobNotifications.failure(reason) };
  }
  if (attempt < mostAttempts) throw reason;
  const notifications = experimentNotifications.failure(reason);
  return { outcomes: experiments.map((experiment) => outcomeOf(experiment, { status: 'FAILED', notifications })) };
}

function outcomeOf({ existed, ...experiment }: PlannedExperiment, measurement: Measurement): Outcome {
  if (measurement.status === 'FAILED') return { experiment, existed, ...measurement };
  const { buffer, byteOffset, byteLength } = measurement.recommendation;
  return { experiment, existed, status: 'PROCESSED', recommendation: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength) };
}
