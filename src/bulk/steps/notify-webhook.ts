import { Injectable } from '@nestjs/common';
import type { ExperimentDocument } from '../../experiments/experiment-document.js';
import { renderJson } from '../../experiments/raw-json.js';
import { WebhookClient } from '../../publication/webhook-client.js';
import { logOf } from '../../settings/logger.js';
import type { BulkJobEntity } from '../bulk-job.entity.js';
import { BulkJobStore } from '../bulk-job-store.js';
import { JobReader } from '../job-reader.js';
import { showWebhookExperiment, showWebhookHead } from '../show-webhook.js';

const log = logOf('bulk');

/** Tells the caller's webhook that a job ended. */
@Injectable()
export class NotifyWebhook {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly reader: JobReader,
    private readonly webhook: WebhookClient,
  ) {}

  async run({ jobId }: { jobId: string }): Promise<void> {
    const job = await this.jobs.find(jobId);
    const url = job?.request.webhook?.url;
    if (!job || !url || job.webhook?.status !== 'IN_PROGRESS') return;
    const result = await this.webhook.call({ url, deliveryId: jobId, body: await this.body(job) });
    const notifications = result.status === 'FAILED' ? result.notification : undefined;
    await this.jobs.setWebhook(jobId, { status: result.status, notifications });
    if (notifications) log.warn({ jobId, reason: notifications.message }, 'a webhook failed');
  }

  /** The array of one that Kruize sends (spec: bulk-and-kafka.md 3.8). */
  private async body(job: BulkJobEntity): Promise<string> {
    const { summary, metadata } = showWebhookHead(await this.reader.summary(job), await this.reader.metadata(job));
    const experiments: string[] = [];
    for await (const experiment of this.reader.experiments(job, true)) experiments.push(renderMember(experiment));
    const head = `"summary":${renderJson(summary)},"experiments":{},"experimentMap":{${experiments.join(',')}}`;
    const tail = `"webhook":{"status":"IN_PROGRESS"}${metadata ? `,"metadata":${renderJson(metadata)}` : ''}`;
    return `[{${head},${tail}}]`;
  }
}

function renderMember(experiment: ExperimentDocument): string {
  return `${JSON.stringify(experiment.name)}:${renderJson(showWebhookExperiment(experiment))}`;
}
