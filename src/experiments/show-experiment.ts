import { createHash } from 'node:crypto';
import { RawJson } from './documents.js';
import type { Experiment, ExperimentDocument, ExperimentStatus, Notifications, StatusChange } from './experiment.js';

/** The stored data of an experiment's document. The times are those of its shard. */
export interface ExperimentState {
  readonly experiment: Experiment;
  readonly existed: boolean;
  /** Absent until the experiment has an outcome. */
  readonly outcome?: {
    readonly status: 'PROCESSED' | 'FAILED';
    readonly notifications?: Notifications;
    readonly recommendationJson?: string;
  };
  readonly plannedAt: Date;
  readonly recommendedAt?: Date;
  /** Absent until its record is published, and with Kafka off. */
  readonly publication?: { readonly at: Date; readonly error?: string };
}

/** Values of the job that appear in an experiment's create request. */
export interface CreateSettings {
  readonly metricProfile: string;
  readonly metadataProfile: string;
  readonly measurementMinutes: number;
  readonly threshold: number;
}

/** Builds an experiment's document for GET /bulk and the Kafka records. */
export function showExperiment(state: ExperimentState, settings: CreateSettings): ExperimentDocument {
  const history = historyOf(state);
  const response = state.outcome?.recommendationJson;
  return {
    name: state.experiment.name,
    status: history[history.length - 1].status,
    apis: {
      create: { response: createResponse(state), request: createRequest(state.experiment, settings) },
      recommendations: response === undefined ? {} : { response: new RawJson(response) },
    },
    notifications: notificationsOf(state),
    status_history: history,
  };
}

function historyOf({ outcome, plannedAt, recommendedAt, publication }: ExperimentState): StatusChange[] {
  const history = [change('UNPROCESSED', plannedAt)];
  if (outcome && recommendedAt) history.push(change(outcome.status, recommendedAt));
  if (publication) history.push(change(publication.error === undefined ? 'PUBLISHED' : 'PUBLISH_FAILED', publication.at));
  return history;
}

/** Notifications of an experiment: why it failed, and why its record could not be published. */
function notificationsOf({ outcome, publication }: ExperimentState): Notifications | undefined {
  if (publication?.error === undefined) return outcome?.notifications;
  return { ...outcome?.notifications, '424': { type: 'ERROR', message: `Not published. ${publication.error}`, code: 424 } };
}

function change(status: ExperimentStatus, at: Date): StatusChange {
  return { status, timestamp: at.toISOString() };
}

/** Kruize's response of createExperiment: 201, or 409 if an earlier job had created the experiment. */
function createResponse({ experiment, existed }: ExperimentState): object {
  return existed
    ? { message: `Experiment name already exists: ${experiment.name}`, httpcode: 409, documentationLink: '', status: 'ERROR' }
    : {
        message: 'Experiment registered successfully with Kruize. View registered experiments at /listExperiments',
        httpcode: 201,
        documentationLink: '',
        status: 'SUCCESS',
      };
}

function createRequest(experiment: Experiment, settings: CreateSettings): object {
  const isContainer = experiment.type === 'container';
  const request = {
    apiVersion: 'v2.0',
    experimentName: experiment.name,
    clusterName: experiment.clusterName,
    performanceProfile: settings.metricProfile,
    metadataProfile: settings.metadataProfile,
    mode: 'monitor',
    targetCluster: 'local',
    trialSettings: {
      measurement_durationMinutes: `${settings.measurementMinutes}min`,
      measurement_durationMinutes_inDouble: settings.measurementMinutes,
    },
    recommendationSettings: { threshold: settings.threshold },
    datasource: experiment.datasource,
    experimentType: isContainer ? 'CONTAINER' : 'NAMESPACE',
    status: 'IN_PROGRESS',
    kubernetesObjects: [kubernetesObject(experiment)],
    namespaceExperiment: !isContainer,
    containerExperiment: isContainer,
  };
  const { kubernetesObjects, namespaceExperiment, containerExperiment, ...head } = request;
  const experiment_id = createHash('sha256').update(JSON.stringify(request)).digest('hex');
  return { ...head, experiment_id, kubernetesObjects, namespaceExperiment, containerExperiment };
}

function kubernetesObject(experiment: Experiment): object {
  if (experiment.type === 'namespace') return { namespaces: { namespace: experiment.namespace } };
  const { workloadType, workload, namespace, image, container } = experiment;
  return {
    type: workloadType,
    name: workload,
    namespace,
    containers: [{ container_image_name: image, container_name: container }],
  };
}
