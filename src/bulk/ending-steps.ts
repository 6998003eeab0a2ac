import { Injectable } from '@nestjs/common';
import { renderJson } from '../experiments/documents.js';
import type { ExperimentDocument, Notifications } from '../experiments/experiment.js';
import { type JobSummary, jobFailureMessage, type Message, summaryCuts, summaryMessage, withNotice } from '../publication/messages.js';
import { Publisher } from '../publication/publisher.js';
import { type RenderBody, WebhookClient } from '../publication/webhook-client.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { jobNotifications } from '../sizing/notifications.js';
import { JobReader } from './job-reader.js';
import { type BulkJobEntity, BulkJobStore } from './job-rows.js';
import { type Lease, Stopped } from './lease-rows.js';
import { WakeUps } from './queue.js';
import { announce } from './running-leases.js';
import { ShardStore } from './shard-rows.js';
import type { StepWork } from './step-work.js';
import type { WakeUpsByStep } from './steps.js';

const log = logOf('bulk');

/** Ends jobs and finds the steps that are then pending: last records, summary, webhook. */
@Injectable()
export class EndedJobs {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly wakeUps: WakeUps,
  ) {}

  /** Ends a job that is cancelled or past its deadline. Returns false if it has already ended. Does not wait for the queue. */
  async end(jobId: string, notifications: Notifications): Promise<boolean> {
    if (!(await this.jobs.fail(jobId, notifications, new Date()))) return false;
    void this.wakeUps.wakeAll(await this.afterEnd(jobId));
    return true;
  }

  /** Ends a job as FAILED under the lease of the failed step. Experiments without an outcome fail too. Rejects with LeaseLost. */
  async fail(jobId: string, notifications: Notifications, lease: Lease): Promise<WakeUpsByStep> {
    return (await this.jobs.fail(jobId, notifications, new Date(), lease)) ? this.afterEnd(jobId) : {};
  }

  /** Logs how and why a job has just ended (a warning unless it completed or was cancelled); returns the wake-ups for its remaining steps. */
  async afterEnd(jobId: string): Promise<WakeUpsByStep> {
    const [job, { processed, failed }] = await Promise.all([this.jobs.find(jobId), this.jobs.progressOf(jobId)]);
    if (!job) return {};
    const { status, startedAt, endedAt, totalExperiments } = job;
    const reason = Object.values(job.notifications)[0]?.message;
    const isExpected = status === 'COMPLETED' || '499' in job.notifications;
    const seconds = ((endedAt ?? new Date()).getTime() - startedAt.getTime()) / 1000;
    log[isExpected ? 'info' : 'warn']({ jobId, status, reason, experiments: totalExperiments, processed, failed, seconds }, 'a job ended');
    const next = job.queue === null ? undefined : await this.startNext(job.queue);
    return { ...(await this.pendingSteps(jobId)), ...(next !== undefined && { discover: [{ jobId: next }] }) };
  }

  /** Starts the next job of a queue if its turn has come; returns its id. */
  async startNext(queue: string): Promise<string | undefined> {
    const jobId = await this.jobs.startNext(queue, new Date());
    if (jobId !== undefined) log.info({ jobId }, 'a job started after its turn had come');
    return jobId;
  }

  /** Wake-ups for the pending steps of an ended job; none for a job in progress. */
  async pendingSteps(jobId: string): Promise<WakeUpsByStep> {
    const job = await this.jobs.find(jobId);
    if (!job || job.status === 'IN_PROGRESS') return {};
    const notify = job.webhook?.status === 'IN_PROGRESS' ? [{ jobId }] : [];
    if (job.publication !== 'pending') return { notify };
    const unpublished = await this.shards.unpublishedOf(jobId);
    return { notify, publish: unpublished.map((shard) => ({ jobId, shard })), finish: unpublished.length === 0 ? [{ jobId }] : [] };
  }
}

/** A create request with the field names of Kruize's createExperiment (Kruize: design/MonitoringModeAPI.md). */
type CreateRequest = Readonly<Record<string, unknown>> & {
  readonly experimentType: string;
  readonly trialSettings: { readonly measurement_durationMinutes: string };
};

/** Summary and metadata with the field names of Kruize's webhook. */
export function showWebhookHead(summary: JobSummary, metadata: object | undefined): { summary: object; metadata: object | undefined } {
  const { job_id: jobID, job_start_time: startTime, job_end_time: endTime, status, input, notifications = {}, ...counts } = summary;
  const shown = Object.keys(notifications).length > 0 ? notifications : undefined;
  return {
    summary: { jobID, status, ...counts, startTime, endTime, notifications: shown, input },
    // GET /bulk names each cluster twice in the metadata, the webhook once.
    metadata: metadata && JSON.parse(JSON.stringify(metadata, (key, value) => (key === 'dataSourceClusterName' ? undefined : value))),
  };
}

/** An experiment with the field names of Kruize's webhook. */
export function showWebhookExperiment(experiment: ExperimentDocument): object {
  const { create, recommendations } = experiment.apis;
  const request = create.request && showRequest(create.request as CreateRequest);
  return { ...experiment, apis: { create: { response: create.response, request }, recommendations } };
}

function showRequest(request: CreateRequest): object {
  return {
    cluster_name: request.clusterName,
    performance_profile: request.performanceProfile,
    metadata_profile: request.metadataProfile,
    mode: request.mode,
    target_cluster: request.targetCluster,
    kubernetes_objects: request.kubernetesObjects,
    trial_settings: { measurement_duration: request.trialSettings.measurement_durationMinutes },
    recommendation_settings: request.recommendationSettings,
    datasource: request.datasource,
    experiment_type: request.experimentType.toLowerCase(),
    status: request.status,
    experiment_id: request.experiment_id,
    version: request.apiVersion,
    experiment_name: request.experimentName,
  };
}

/**
 * The possible bodies of a job's webhook, largest first: the complete one (as in Kruize, an array with one element), then ever smaller summaries with a
 * link to the rest. Each renders the same bytes every time: rows that publication may still change are read once, here, and the outcomes of an ended job do
 * not change.
 */
export async function webhookBodies(
  job: BulkJobEntity,
  reader: JobReader,
  settings: Pick<Settings, 'WEBHOOK_MAX_BYTES' | 'PUBLIC_URL' | 'BASE_PATH'>,
): Promise<RenderBody[]> {
  const shards = await reader.shards(job);
  const [summary, metadata] = [await reader.summary(job), await reader.metadata(job)];
  const experiments = () => reader.experiments(job, { withRecommendations: true, shards });
  const address = settings.PUBLIC_URL?.replace(/\/$/, '') ?? settings.BASE_PATH;
  const link = `${address}/bulk?job_id=${job.id}&include=summary,experiments,metadata`;
  const notice = jobNotifications.webhookTooLarge(settings.WEBHOOK_MAX_BYTES, link);
  const summaries: JobSummary[] = [summary];
  for (const cut of summaryCuts) summaries.push(cut(summaries.at(-1)!));
  return [
    () => renderBody(summary, experiments(), metadata),
    ...summaries.map((smaller) => () => renderBody(withNotice(smaller, notice), [], undefined)),
  ];
}

async function* renderBody(
  jobSummary: JobSummary,
  experiments: AsyncIterable<ExperimentDocument> | Iterable<ExperimentDocument>,
  jobMetadata: object | undefined,
): AsyncGenerator<string> {
  const { summary, metadata } = showWebhookHead(jobSummary, jobMetadata);
  yield `[{"summary":${renderJson(summary)},"experiments":{},"experimentMap":{`;
  let comma = '';
  for await (const experiment of experiments) {
    yield `${comma}${JSON.stringify(experiment.name)}:${renderJson(showWebhookExperiment(experiment))}`;
    comma = ',';
  }
  yield `},"webhook":{"status":"IN_PROGRESS"}${metadata ? `,"metadata":${renderJson(metadata)}` : ''}}]`;
}

/** Last step of publication, after all records: sends the error record of a failed job, then the summary. */
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
    const isDue = job && job.status !== 'IN_PROGRESS' && job.publication === 'pending';
    if (!isDue || (await this.shards.unpublishedOf(jobId)).length > 0) throw new Stopped('nothing is left to do');
    const time = (job.endedAt ?? job.startedAt).toISOString();
    if (job.status === 'FAILED') {
      await this.publish(jobFailureMessage({ jobId, time, notifications: job.notifications }, this.settings));
    }
    await this.publish(summaryMessage({ jobId, time, summary: await this.reader.summary(job) }, this.settings));
    announce(lease, 'done');
    await this.jobs.setPublication(lease, 'published');
    log.info({ jobId }, 'a job was published');
    return {};
  }

  async giveUp(lease: Lease, reason: Error): Promise<WakeUpsByStep> {
    await this.jobs.setPublication(lease, 'failed', jobNotifications.summaryNotPublished(reason));
    return {};
  }

  private async publish(message: Message): Promise<void> {
    const [result] = await this.publisher.publish([message]);
    if (result?.status === 'waits') throw result.error;
    if (result?.status === 'failed') throw new Error(`A record of kind ${message.kind} was refused. ${result.reason}`);
  }
}

/** Calls the webhook of a job that has ended. */
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
