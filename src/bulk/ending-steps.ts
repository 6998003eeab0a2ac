import { Injectable } from '@nestjs/common';
import { jobFailureMessage, type Message, summaryMessage } from '../publication/messages.js';
import { Publisher } from '../publication/publisher.js';
import { WebhookClient } from '../publication/webhook-client.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { jobNotifications } from '../sizing/notifications.js';
import { JobReader } from './job-reader.js';
import { BulkJobStore } from './job-rows.js';
import { type Lease, Stopped } from './lease-rows.js';
import { announce } from './running-leases.js';
import { ShardStore } from './shard-rows.js';
import type { StepWork } from './step-work.js';
import type { WakeUpsByStep } from './steps.js';
import { webhookBodies } from './webhook-bodies.js';

const log = logOf('bulk');

/** Last step of the publication: after all records, the error record of a failed job, then the summary. */
@Injectable()
export class FinishStep implements StepWork {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly reader: JobReader,
    private readonly publisher: Publisher,
    @InjectSettings() private readonly settings: Settings,
  ) {}

  async run(lease: Lease): Promise<WakeUpsByStep> {
    const { jobId } = lease;
    const job = await this.jobs.find(jobId);
    const isDue = job && job.status !== 'IN_PROGRESS' && job.publication === 'pending' && (await this.shards.areAllPublished(jobId));
    if (!isDue) throw new Stopped('nothing is left to do');
    const time = (job.endedAt ?? job.startedAt).toISOString();
    if (job.status === 'FAILED') {
      await this.publish(jobFailureMessage({ jobId, time, notifications: job.notifications }, this.settings));
    }
    await this.publish(summaryMessage({ jobId, time, summary: await this.reader.summary(job) }, this.settings));
    announce(lease, 'done');
    await this.jobs.setPublication(lease, 'published');
    log.info({ jobId }, 'a job is published');
    return {};
  }

  async giveUp(lease: Lease, reason: Error): Promise<WakeUpsByStep> {
    await this.jobs.setPublication(lease, 'failed', jobNotifications.summaryNotPublished(reason));
    return {};
  }

  private async publish(message: Message): Promise<void> {
    const [result] = await this.publisher.publish([message]);
    if (result?.status === 'waits') throw result.error;
    if (result?.status === 'failed') throw new Error(`A record of kind ${message.kind} is refused. ${result.reason}`);
  }
}

/** Tells the caller's webhook that a job ended. */
@Injectable()
export class NotifyStep implements StepWork {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly reader: JobReader,
    private readonly webhook: WebhookClient,
    @InjectSettings() private readonly settings: Pick<Settings, 'WEBHOOK_MAX_BYTES' | 'PUBLIC_URL' | 'BASE_PATH'>,
  ) {}

  async run(lease: Lease, signal: AbortSignal): Promise<WakeUpsByStep> {
    const { jobId } = lease;
    const job = await this.jobs.find(jobId);
    const url = job?.request.webhook?.url;
    if (!job || !url || job.webhook?.status !== 'IN_PROGRESS') throw new Stopped('nothing is left to do');
    const bodies = await webhookBodies(job, this.reader, this.settings);
    const result = await this.webhook.call({ url, deliveryId: jobId, bodies, maxBytes: this.settings.WEBHOOK_MAX_BYTES }, { signal });
    announce(lease, 'done');
    const notifications = result.status === 'FAILED' ? result.notification : undefined;
    await this.jobs.setWebhook(lease, { status: result.status, notifications });
    if (notifications) log.warn({ jobId, reason: notifications.message }, 'a webhook failed');
    return {};
  }

  async giveUp(lease: Lease, reason: Error): Promise<WakeUpsByStep> {
    const notifications = { type: 'ERROR', message: reason.message, code: 500 } as const;
    await this.jobs.setWebhook(lease, { status: 'FAILED', notifications }, reason.message);
    return {};
  }
}
