import { setImmediate as breathe } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Datasource } from '../../datasource/datasource.js';
import { DatasourceError } from '../../datasource/datasource-error.js';
import { Datasources } from '../../datasource/datasources.js';
import type { Notifications } from '../../experiments/notification.js';
import type { Outcome } from '../../experiments/outcome-store.js';
import type { UsageTable } from '../../recommendation/usage-table.js';
import { logOf } from '../../settings/logger.js';
import { UsageReader } from '../../usage/usage-reader.js';
import type { BulkJobEntity } from '../bulk-job.entity.js';
import { BulkJobStore } from '../bulk-job-store.js';
import { experimentNotifications, jobNotifications } from '../bulk-notifications.js';
import { WakeUps } from '../queue/wake-ups.js';
import { longestDays, type ResolvedRequest, resolveRequest } from '../resolve-request.js';
import type { PlannedExperiment } from '../shard.entity.js';
import { type ShardLease, ShardStore } from '../shard-store.js';
import { EndedJobs } from './ended-jobs.js';
import { recommendExperiment } from './recommend-experiment.js';

const log = logOf('bulk');

/** Failures that concern what was asked, not the datasource: asking for less may help, and other experiments may still succeed. */
const failuresOfTheQuestion: readonly string[] = ['too-large', 'refused-query'];

/** A shard on which this process stumbles this often by a fault of its own is given up. */
const mostAttempts = 5;

type Measured = { readonly outcomes: readonly Outcome[] } | { readonly jobFailure: Notifications };

/** Second step: reads a shard's usage, computes its recommendations, and commits all outcomes at once. */
@Injectable()
export class MeasureShard {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly sources: Datasources,
    private readonly reader: UsageReader,
    private readonly wakeUps: WakeUps,
    private readonly ended: EndedJobs,
  ) {}

  async run({ jobId, shard: number }: { jobId: string; shard?: number }): Promise<void> {
    const job = await this.jobs.find(jobId);
    if (job?.status !== 'IN_PROGRESS' || number === undefined) return;
    const lease = await this.shards.lease(jobId, number);
    if (!lease) return;
    const measured = await this.outcomesOf(job, lease.experiments).catch((reason) => asFailure(reason, lease));
    if ('outcomes' in measured) await this.commit(job, lease, measured.outcomes);
    else await this.ended.fail(jobId, measured.jobFailure);
  }

  private async commit(job: BulkJobEntity, lease: ShardLease, outcomes: readonly Outcome[]): Promise<void> {
    const { jobId, number } = lease;
    const result = await this.shards.commit(lease, outcomes, new Date());
    log.debug({ jobId, shard: number, result, experiments: outcomes.length }, 'a shard is measured');
    if (result === 'stale') return;
    if (job.publication === 'pending') await this.wakeUps.wake('publish', { jobId, shard: number });
    if (result === 'job-ended') await this.ended.wake(jobId);
  }

  private async outcomesOf(job: BulkJobEntity, experiments: readonly PlannedExperiment[]): Promise<Measured> {
    const request = resolveRequest(job.request);
    const datasource = this.sources.find(experiments[0].datasource);
    if (!datasource) throw new DatasourceError('unreachable', `datasource ${experiments[0].datasource} is not registered any more`);
    return { outcomes: await this.measure(job, request, datasource, experiments) };
  }

  /** Outcomes in the order of the experiments; experiments that are too much for one question are asked in halves. */
  private async measure(
    job: BulkJobEntity,
    request: ResolvedRequest,
    datasource: Datasource,
    experiments: readonly PlannedExperiment[],
  ): Promise<Outcome[]> {
    let tables: UsageTable[];
    try {
      tables = await this.reader.read({
        datasource,
        metricProfile: request.metricProfile,
        experiments,
        endSeconds: job.usageEnd.getTime() / 1000,
        stepSeconds: request.measurementSeconds,
        rows: Math.ceil((longestDays(request.terms) * 86_400) / request.measurementSeconds) + 1,
        dropsInactive: request.timeRange === undefined,
      });
    } catch (reason) {
      if (!(reason instanceof DatasourceError) || !failuresOfTheQuestion.includes(reason.failure)) throw reason;
      if (experiments.length === 1) return [failedOutcome(experiments[0], reason)];
      const half = experiments.length >> 1;
      log.debug({ jobId: job.id, experiments: half, error: reason.message }, 'a shard is halved');
      const first = await this.measure(job, request, datasource, experiments.slice(0, half));
      return [...first, ...(await this.measure(job, request, datasource, experiments.slice(half)))];
    }
    return recommendAll(request, experiments, tables);
  }
}

/** A datasource that fails ends the job; a fault of ours fails the shard's experiments after some attempts. */
function asFailure(reason: unknown, { jobId, number, attempt, experiments }: ShardLease): Measured {
  if (reason instanceof DatasourceError) {
    log.warn({ jobId, shard: number, error: reason.message }, 'usage cannot be read');
    return { jobFailure: jobNotifications.failure(reason) };
  }
  if (attempt < mostAttempts) throw reason;
  return { outcomes: experiments.map((experiment) => failedOutcome(experiment, reason)) };
}

async function recommendAll(
  request: ResolvedRequest,
  experiments: readonly PlannedExperiment[],
  tables: readonly UsageTable[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [index, planned] of experiments.entries()) {
    const { existed, ...experiment } = planned;
    try {
      const recommendation = await recommendExperiment(experiment, tables[index], request);
      outcomes.push({ experiment, existed, status: 'PROCESSED', recommendation });
    } catch (reason) {
      log.error(
        { experiment: experiment.name, error: reason instanceof Error ? reason.stack : String(reason) },
        'an experiment cannot be computed',
      );
      outcomes.push(failedOutcome(planned, reason));
    }
    await breathe();
  }
  return outcomes;
}

function failedOutcome({ existed, ...experiment }: PlannedExperiment, reason: unknown): Outcome {
  return { experiment, existed, status: 'FAILED', notifications: experimentNotifications.failure(reason) };
}
