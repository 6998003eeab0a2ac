import { renderJson } from '../experiments/documents.js';
import type { ExperimentDocument } from '../experiments/experiment.js';
import { type JobSummary, summaryCuts, withCutNotice } from '../publication/messages.js';
import type { RenderBody } from '../publication/webhook-client.js';
import type { Settings } from '../settings/settings-schema.js';
import { jobNotifications } from '../sizing/notifications.js';
import type { JobReader } from './job-reader.js';
import type { BulkJobEntity } from './job-rows.js';

/** The members of a create request in the webhook's body: createExperiment's own names (spec: bulk-and-kafka.md 5.1, 3.8). */
interface CreateRequest {
  readonly apiVersion: string;
  readonly experimentName: string;
  readonly clusterName: string;
  readonly performanceProfile: string;
  readonly metadataProfile: string;
  readonly mode: string;
  readonly targetCluster: string;
  readonly trialSettings: { readonly measurement_durationMinutes: string };
  readonly recommendationSettings: object;
  readonly datasource: string;
  readonly experimentType: string;
  readonly status: string;
  readonly experiment_id: string;
  readonly kubernetesObjects: readonly object[];
}

/** Summary and metadata under the names that Kruize's webhook gives them. */
export function showWebhookHead(summary: JobSummary, metadata: object | undefined): { summary: object; metadata: object | undefined } {
  const { job_id: jobID, job_start_time: startTime, job_end_time: endTime, status, input, notifications = {}, ...counts } = summary;
  const shown = Object.keys(notifications).length > 0 ? notifications : undefined;
  return {
    summary: { jobID, status, ...counts, startTime, endTime, notifications: shown, input },
    metadata: metadata && withoutDuplicates(metadata),
  };
}

/** An experiment under the names that Kruize's webhook gives it. */
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

/** GET's metadata names each cluster twice; the webhook's once. */
function withoutDuplicates(metadata: object): object {
  return JSON.parse(JSON.stringify(metadata, (key, value) => (key === 'dataSourceClusterName' ? undefined : value)));
}

/**
 * The possible bodies of a job's webhook: the complete one (Kruize's array of one, spec: bulk-and-kafka.md 3.8), then smaller and smaller summaries that link
 * to the rest.
 * Each renders the same bytes every time: rows that publication still changes are read once, here, and outcomes of an ended job do not change.
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
  return [
    () => renderBody(summary, experiments(), metadata),
    ...smallerSummaries(summary).map((smaller) => () => renderBody(withCutNotice(smaller, notice), [], undefined)),
  ];
}

/** The summary, and what is left of it at each cut. */
function smallerSummaries(summary: JobSummary): JobSummary[] {
  const forms = [summary];
  for (const cut of summaryCuts) forms.push(cut(forms.at(-1)!));
  return forms;
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
