import { Injectable } from '@nestjs/common';
import { Datasources } from '../datasource/datasources.js';
import { type Outcome, OutcomeStore, type StoredOutcome } from '../experiments/experiment-rows.js';
import { failureMessage, type Message, recommendationMessage } from '../publication/messages.js';
import type { PublicationError } from '../publication/publication-error.js';
import { Publisher } from '../publication/publisher.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { resolveRequest } from '../sizing/bulk-request.js';
import { JobSizer } from '../sizing/job-sizer.js';
import { experimentNotifications, jobNotifications } from '../sizing/notifications.js';
import type { PlannedExperiment } from '../sizing/plan-experiments.js';
import type { Measurement } from '../sizing/sizer.js';
import { EndedJobs } from './ending-steps.js';
import { type BulkJobEntity, BulkJobStore } from './job-rows.js';
import { type Lease, Stopped } from './lease-rows.js';
import { announce } from './running-leases.js';
import { type ShardEntity, ShardStore } from './shard-rows.js';
import { showOutcome, showSummary } from './show-job.js';
import { JobFailure, type StepWork } from './step-work.js';
import type { WakeUpsByStep } from './steps.js';

const log = logOf('bulk');

/** Second step: measures a shard and commits all its outcomes at once. */
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
    const request = resolveRequest(job.request);
    const measurements = await this.sizer.measure({ jobId, request, datasource, experiments, endSeconds }, signal);
    const outcomes = experiments.map((experiment, index) => outcomeOf(experiment, measurements[index]!));
    return this.commit(lease, outcomes);
  }

  async giveUp(lease: Lease, reason: Error): Promise<WakeUpsByStep> {
    const experiments = await this.shards.plannedOf(lease.jobId, lease.shard);
    if (!experiments) throw new Stopped('nothing is left to do');
    const notifications = experimentNotifications.failure(reason);
    const outcomes = experiments.map((experiment) => outcomeOf(experiment, { status: 'FAILED', notifications }));
    return this.commit(lease, outcomes, reason);
  }

  private async commit(lease: Lease, outcomes: readonly Outcome[], givenUpFor?: Error): Promise<WakeUpsByStep> {
    const { jobId, shard } = lease;
    announce(lease, 'done');
    const hasEnded = await this.shards.commit(lease, outcomes, new Date(), givenUpFor?.message);
    log.debug({ jobId, shard, result: hasEnded ? 'job-ended' : 'committed', experiments: outcomes.length }, 'a shard was measured');
    return hasEnded ? this.ended.afterEnd(jobId) : { publish: [{ jobId, shard }] };
  }
}

function outcomeOf({ existed, ...experiment }: PlannedExperiment, measurement: Measurement): Outcome {
  if (measurement.status === 'FAILED') return { experiment, existed, ...measurement };
  const { buffer, byteOffset, byteLength } = measurement.recommendation;
  return { experiment, existed, status: 'PROCESSED', recommendation: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength) };
}

/** Third step: publishes the records of a shard and marks the shard when they are acknowledged. */
@Injectable()
export class PublishStep implements StepWork {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly outcomes: OutcomeStore,
    private readonly publisher: Publisher,
    private readonly ended: EndedJobs,
    @InjectSettings() private readonly settings: Settings,
  ) {}

  async run(lease: Lease): Promise<WakeUpsByStep> {
    const { jobId } = lease;
    const [job, shard] = await Promise.all([this.jobs.find(jobId), this.shards.find(jobId, lease.shard)]);
    if (job?.publication !== 'pending' || shard?.state !== 'recommended') throw new Stopped('nothing is left to do');
    const { errors, sent, waitsFor } = await this.publish(job, shard);
    if (waitsFor) {
      await this.shards.noteSent(lease, sent, errors);
      throw waitsFor;
    }
    announce(lease, 'done');
    await this.shards.markPublished(lease, errors, new Date());
    return this.ended.pendingSteps(jobId);
  }

  /** Marks every experiment of the shard as PUBLISH_FAILED. */
  async giveUp(lease: Lease, reason: Error): Promise<WakeUpsByStep> {
    const names = await this.outcomes.namesOfShard(lease.jobId, lease.shard);
    await this.shards.markPublished(lease, new Map(names.map((name) => [name, reason.message])), new Date(), reason.message);
    return this.ended.pendingSteps(lease.jobId);
  }

  /**
   * Publishes the outcomes of the shard, except on topics that already have theirs. Returns:
   * `errors`: why a record could not be published, by experiment name;
   * `sent`: topics that have all their records of the shard;
   * `waitsFor`: why a topic refuses its records, which are sent later.
   */
  private async publish(job: BulkJobEntity, shard: ShardEntity) {
    const outcomes = await this.outcomes.ofShard(job.id, shard.number);
    const summary = frozenSummary(job, shard);
    const sendsMetadata = this.settings.KAFKA_RESPONSE_FILTER_INCLUDE?.split(',').includes('metadata');
    const metadata = sendsMetadata ? await this.jobs.metadataOf(job.id) : undefined;
    const times = { plannedAt: shard.plannedAt, recommendedAt: shard.recommendedAt, publishedAt: null };
    const time = (shard.recommendedAt ?? shard.plannedAt).toISOString();
    const messageOf = (outcome: StoredOutcome): Message => {
      const input = { jobId: job.id, experiment: showOutcome(job, outcome, times), summary, metadata, time };
      return outcome.status === 'PROCESSED' ? recommendationMessage(input, this.settings) : failureMessage(input, this.settings);
    };
    const open = outcomes
      .map((outcome) => ({ name: outcome.experiment.name, message: messageOf(outcome) }))
      .filter(({ message }) => !shard.sentTopics.includes(message.topic));
    const results = await this.publisher.publish(open.map(({ message }) => message));
    const errors = new Map<string, string>();
    const waiting = new Map<string, PublicationError>();
    for (const [index, result] of results.entries()) {
      const { name, message } = open[index]!;
      if (result.status === 'waits') waiting.set(message.topic, result.error);
      else if (result.status !== 'acknowledged') errors.set(name, result.reason);
    }
    const sent = [...new Set([...shard.sentTopics, ...open.map(({ message }) => message.topic)])].filter((topic) => !waiting.has(topic));
    return { errors, sent, waitsFor: [...waiting.values()][0] };
  }
}

/** The job's summary at the time the shard was committed, so that repeated records are byte-equal. */
function frozenSummary(job: BulkJobEntity, shard: ShardEntity): object {
  const progress = { processed: shard.processedSoFar, failed: 0, existing: 0, published: 0 };
  const {
    failed_experiments: _failed,
    existing_experiments: _existing,
    published_experiments: _published,
    job_end_time: _end,
    ...summary
  } = showSummary({ ...job, status: 'IN_PROGRESS', notifications: {} }, progress);
  return summary;
}
