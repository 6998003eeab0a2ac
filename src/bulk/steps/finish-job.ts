import { Injectable } from '@nestjs/common';
import { jobFailureMessage, summaryMessage } from '../../publication/messages.js';
import { PublicationError } from '../../publication/publication-error.js';
import { Publisher } from '../../publication/publisher.js';
import { logOf } from '../../settings/logger.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import { BulkJobStore } from '../bulk-job-store.js';
import { ShardStore } from '../shard-store.js';
import { showSummary } from '../show-job.js';

const log = logOf('bulk');

/** Last step of the publication: after all records, the error record of a failed job, then the summary. */
@Injectable()
export class FinishJob {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly publisher: Publisher,
    @InjectSettings() private readonly settings: Settings,
  ) {}

  async run({ jobId }: { jobId: string }): Promise<void> {
    const job = await this.jobs.find(jobId);
    if (!job || job.status === 'IN_PROGRESS' || job.publication !== 'pending' || !(await this.shards.areAllPublished(jobId))) return;
    const time = (job.endedAt ?? job.startedAt).toISOString();
    const summary = showSummary(job, await this.jobs.progressOf(jobId));
    try {
      if (job.status === 'FAILED') {
        await this.publisher.publish([jobFailureMessage({ jobId, time, notifications: job.notifications }, this.settings)]);
      }
      await this.publisher.publish([summaryMessage({ jobId, time, summary }, this.settings)]);
    } catch (reason) {
      if (!(reason instanceof PublicationError)) throw reason;
      log.debug({ jobId, error: reason.message }, 'the summary waits for Kafka');
      return;
    }
    await this.jobs.setPublished(jobId);
    log.info({ jobId }, 'a job is published');
  }
}
