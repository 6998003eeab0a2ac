import { Injectable } from '@nestjs/common';
import { OutcomeStore, type StoredOutcome } from '../../experiments/outcome-store.js';
import { failureMessage, type Message, recommendationMessage } from '../../publication/messages.js';
import { PublicationError } from '../../publication/publication-error.js';
import { Publisher } from '../../publication/publisher.js';
import { logOf } from '../../settings/logger.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { BulkJobEntity } from '../bulk-job.entity.js';
import { BulkJobStore } from '../bulk-job-store.js';
import { WakeUps } from '../queue/wake-ups.js';
import type { ShardEntity } from '../shard.entity.js';
import { ShardStore } from '../shard-store.js';
import { showOutcome, showSummary } from '../show-job.js';

const log = logOf('bulk');

/** Third step: puts the records of a shard on their topics, then notes that they are acknowledged. */
@Injectable()
export class PublishShard {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly outcomes: OutcomeStore,
    private readonly publisher: Publisher,
    private readonly wakeUps: WakeUps,
    @InjectSettings() private readonly settings: Settings,
  ) {}

  /** While Kafka is away nothing is noted; the reconciler wakes the step again. */
  async run({ jobId, shard: number }: { jobId: string; shard?: number }): Promise<void> {
    if (number === undefined) return;
    const [job, shard] = await Promise.all([this.jobs.find(jobId), this.shards.find(jobId, number)]);
    if (job?.publication !== 'pending' || shard?.state !== 'recommended') return;
    try {
      const errors = await this.publish(job, shard);
      await this.shards.markPublished(jobId, number, errors, new Date());
    } catch (reason) {
      if (!(reason instanceof PublicationError)) throw reason;
      log.debug({ jobId, shard: number, error: reason.message }, 'records wait for Kafka');
      return;
    }
    if (await this.isPublished(jobId)) await this.wakeUps.wake('finish', { jobId });
  }

  /** Publishes every outcome of the shard; returns why records could not be published, by experiment. */
  private async publish(job: BulkJobEntity, shard: ShardEntity): Promise<Map<string, string>> {
    const outcomes = await this.outcomes.ofShard(job.id, shard.number);
    const summary = frozenSummary(job, shard);
    const metadata = this.sendsMetadata ? ((await this.jobs.metadataOf(job.id)) ?? undefined) : undefined;
    const messages = outcomes.map((outcome) => messageOf(job, shard, outcome, summary, metadata, this.settings));
    const results = await this.publisher.publish(messages);
    return new Map(
      results.flatMap((result, index) => (result.status === 'failed' ? [[outcomes[index].experiment.name, result.reason]] : [])),
    );
  }

  private get sendsMetadata(): boolean {
    return this.settings.KAFKA_RESPONSE_FILTER_INCLUDE?.split(',').includes('metadata') ?? false;
  }

  private async isPublished(jobId: string): Promise<boolean> {
    const job = await this.jobs.find(jobId);
    return job !== null && job.status !== 'IN_PROGRESS' && (await this.shards.areAllPublished(jobId));
  }
}

function messageOf(
  job: BulkJobEntity,
  shard: ShardEntity,
  outcome: StoredOutcome,
  summary: object,
  metadata: object | undefined,
  settings: Settings,
): Message {
  const experiment = showOutcome(job, outcome, { plannedAt: shard.plannedAt, recommendedAt: shard.recommendedAt, publishedAt: null });
  const time = (shard.recommendedAt ?? shard.plannedAt).toISOString();
  const input = { jobId: job.id, experiment, summary, metadata, time };
  return outcome.status === 'PROCESSED' ? recommendationMessage(input, settings) : failureMessage(input, settings);
}

/** The job as it was when the shard was committed, so that a repeated record is byte-equal. */
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
