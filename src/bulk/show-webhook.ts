import type { ExperimentDocument } from '../experiments/experiment.js';
import type { JobSummary } from '../publication/messages.js';

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
