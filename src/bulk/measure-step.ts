import { Injectable } from '@nestjs/common';
import { Datasources } from '../datasource/datasources.js';
import type { Outcome } from '../experiments/experiment-rows.js';
import { logOf } from '../settings/logger.js';
import { resolveRequest } from '../sizing/bulk-request.js';
import { JobSizer } from '../sizing/job-sizer.js';
import { experimentNotifications, jobNotifications } from '../sizing/notifications.js';
import { type PlannedExperiment } from '../sizing/plan-experiments.js';
import type { Measurement } from '../sizing/sizer.js';
import { EndedJobs } from './ended-jobs.js';
import { BulkJobStore } from './job-rows.js';
import { type Lease, Stopped } from './lease-rows.js';
import { announce } from './running-leases.js';
import { ShardStore } from './shard-rows.js';
import { JobFailure, type StepWork } from './step-work.js';
import type { WakeUpsByStep } from './steps.js';

const log = logOf('bulk');

/** Second step: has a shard's usage read and its recommendations computed, and commits all outcomes at once. */
@Injectable()
export class MeasureStep implements StepWork {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly sources: Datasources,
    private readonly sizer: JobSizer,
    private readonly ended: EndedJobs,
  ) {}

  async run(lease: Lease, signal: AbortSignal): Promise<WakeUpsByStep> {
    const { jobId, shard } = lease;
    const [job, experiments] = await Promise.all([this.jobs.find(jobId), this.shards.plannedOf(jobId, shard)]);
    if (job?.status !== 'IN_PROGRESS' || !experiments) throw new Stopped('nothing is left to do');
    const name = experiments[0]!.datasource;
    const datasource = this.sources.find(name);
    if (!datasource) throw new JobFailure(jobNotifications.unknownDatasource(name));
    const endSeconds = job.usageEnd.getTime() / 1000;
    const measurements = await this.sizer.measure(
      { jobId, request: resolveRequest(job.request), datasource, experiments, endSeconds },
      signal,
    );
    return this.commit(
      lease,
      experiments.map((experiment, index) => outcomeOf(experiment, measurements[index]!)),
    );
  }

  async giveUp(lease: Lease, reason: Error): Promise<WakeUpsByStep> {
    const experiments = await this.shards.plannedOf(lease.jobId, lease.shard);
    if (!experiments) throw new Stopped('nothing is left to do');
    const notifications = experimentNotifications.failure(reason);
    return this.commit(
      lease,
      experiments.map((experiment) => outcomeOf(experiment, { status: 'FAILED', notifications })),
      reason,
    );
  }

  private async commit(lease: Lease, outcomes: readonly Outcome[], givenUpFor?: Error): Promise<WakeUpsByStep> {
    const { jobId, shard } = lease;
    announce(lease, 'done');
    const hasEnded = await this.shards.commit(lease, outcomes, new Date(), givenUpFor?.message);
    log.debug({ jobId, shard, result: hasEnded ? 'job-ended' : 'committed', experiments: outcomes.length }, 'a shard is measured');
    return hasEnded ? this.ended.begin(jobId) : { publish: [{ jobId, shard }] };
  }
}

function outcomeOf({ existed, ...experiment }: PlannedExperiment, measurement: Measurement): Outcome {
  if (measurement.status === 'FAILED') return { experiment, existed, ...measurement };
  const { buffer, byteOffset, byteLength } = measurement.recommendation;
  return { experiment, existed, status: 'PROCESSED', recommendation: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength) };
}
