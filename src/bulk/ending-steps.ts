import { Injectable } from '@nestjs/common';
import type { ExperimentDocument } from '../experiments/experiment-document.js';
import { renderJson } from '../experiments/raw-json.js';
import { jobFailureMessage, type Message, summaryMessage } from '../publication/messages.js';
import { Publisher } from '../publication/publisher.js';
import { WebhookClient } from '../publication/webhook-client.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import type { BulkJobEntity } from './bulk-job.entity.js';
import { BulkJobStore } from './bulk-job-store.js';
import { jobNotifications } from './bulk-notifications.js';
import { JobReader } from './job-reader.js';
import { type Lease, Stopped } from './lease-store.js';
import type { WakeUpsByStep } from './queue/steps.js';
import { ShardStore } from './shard-store.js';
import type { showSummary } from './show-job.js';
import { showWebhookExperiment, showWebhookHead } from './show-webhook.js';
import { announce } from './step-channel.js';
import type { StepWork } from './step-runner.js';

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
    const result = await this.webhook.call({ url, deliveryId: jobId, body: await this.body(job) }, { signal });
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

  /** The array of one that Kruize sends (spec: bulk-and-kafka.md 3.8). Too large, it has no experiments, and says where they are. */
  private async body(job: BulkJobEntity): Promise<string> {
    const most = this.settings.WEBHOOK_MAX_BYTES;
    const summary = await this.reader.summary(job);
    const metadata = await this.reader.metadata(job);
    const experiments: string[] = [];
    let bytes = Buffer.byteLength(renderBody(summary, [], metadata));
    for await (const experiment of this.reader.experiments(job, { withRecommendations: true })) {
      const text = renderMember(experiment);
      bytes += Buffer.byteLength(text) + 1;
      if (bytes > most) {
        const link = `${this.settings.PUBLIC_URL?.replace(/\/$/, '') ?? this.settings.BASE_PATH}/bulk?job_id=${job.id}&include=summary,experiments,metadata`;
        const notifications = { ...summary.notifications, ...jobNotifications.webhookTooLarge(most, link) };
        return renderBody({ ...summary, notifications }, [], undefined);
      }
      experiments.push(text);
    }
    return renderBody(summary, experiments, metadata);
  }
}

function renderBody(jobSummary: ReturnType<typeof showSummary>, experiments: readonly string[], jobMetadata: object | undefined): string {
  const { summary, metadata } = showWebhookHead(jobSummary, jobMetadata);
  const head = `"summary":${renderJson(summary)},"experiments":{},"experimentMap":{${experiments.join(',')}}`;
  const tail = `"webhook":{"status":"IN_PROGRESS"}${metadata ? `,"metadata":${renderJson(metadata)}` : ''}`;
  return `[{${head},${tail}}]`;
}

function renderMember(experiment: ExperimentDocument): string {
  return `${JSON.stringify(experiment.name)}:${renderJson(showWebhookExperiment(experiment))}`;
}
