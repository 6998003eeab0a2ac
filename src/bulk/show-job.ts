import type { DiscoveredCluster, DiscoveredWorkload } from '../discovery/read-workloads.js';
import type { ExperimentDocument } from '../experiments/experiment.js';
import type { StoredOutcome } from '../experiments/experiment-rows.js';
import { showExperiment } from '../experiments/show-experiment.js';
import { groupBy } from '../promql/labels.js';
import { maskWebhookUrl } from '../publication/webhook-target.js';
import { readDuration } from '../settings/duration.js';
import { type BulkRequest, requestDefaults } from '../sizing/bulk-request.js';
import type { PlannedExperiment } from '../sizing/plan-experiments.js';
import type { BulkJobEntity, JobProgress } from './job-rows.js';
import type { ShardEntity } from './shard-rows.js';

/** What was found in one datasource. */
export interface DiscoveredDatasource {
  readonly datasource: string;
  /** Default: `default`. */
  readonly clusterName?: string;
  readonly cluster: DiscoveredCluster;
}

/** The `metadata` section of GET /bulk (spec: bulk-and-kafka.md 2.9): `workloads` and `containers` are left out where there are none. */
export function showMetadata(found: readonly DiscoveredDatasource[]): object {
  const datasources = found.map(({ datasource, clusterName = 'default', cluster }) => [
    datasource,
    { clusters: { [clusterName]: showCluster(clusterName, cluster) }, datasource_name: datasource },
  ]);
  return { datasources: Object.fromEntries(datasources) };
}

/** `dataSourceClusterName` repeats the name in the reference, and so here. */
function showCluster(clusterName: string, cluster: DiscoveredCluster): object {
  const workloads = groupBy(cluster.workloads, ({ namespace }) => namespace);
  const containers = groupBy(cluster.containers, workloadKey);
  const namespaces = cluster.namespaces.map((namespace) => {
    const shown = showWorkloads(workloads.get(namespace) ?? [], containers);
    return [namespace, { namespace, ...(shown && { workloads: shown }) }];
  });
  return { namespaces: Object.fromEntries(namespaces), dataSourceClusterName: clusterName, cluster_name: clusterName };
}

/** A workload whose name another kind took already gets the key `name(kind)`. */
function showWorkloads(
  workloads: readonly DiscoveredWorkload[],
  containers: ReadonlyMap<string, DiscoveredCluster['containers'][number][]>,
) {
  if (workloads.length === 0) return undefined;
  const taken = new Set<string>();
  const shown = workloads.map((workload) => {
    const key = taken.has(workload.workload) ? `${workload.workload}(${workload.workloadType})` : workload.workload;
    taken.add(key);
    const own = containers
      .get(workloadKey(workload))
      ?.map(({ container, image }) => [container, { container_name: container, container_image_name: image }]);
    const names = { workload_name: workload.workload, workload_type: workload.workloadType };
    return [key, { ...(own && { containers: Object.fromEntries(own) }), ...names }];
  });
  return Object.fromEntries(shown);
}

function workloadKey({ namespace, workloadType, workload }: DiscoveredWorkload): string {
  return JSON.stringify([namespace, workloadType, workload]);
}

type ShownJob = Pick<BulkJobEntity, 'id' | 'status' | 'totalExperiments' | 'notifications' | 'request' | 'startedAt' | 'endedAt'>;
/** When a shard's experiments changed their status. */
export type ShardTimes = Pick<ShardEntity, 'plannedAt' | 'recommendedAt' | 'publishedAt'>;

/** The `summary` section of a job (spec: bulk-and-kafka.md 2.7), with the counts that decisions.md adds. */
export function showSummary(job: ShownJob, progress: JobProgress) {
  return {
    status: job.status,
    total_experiments: job.totalExperiments,
    processed_experiments: progress.processed,
    failed_experiments: progress.failed,
    existing_experiments: progress.existing,
    published_experiments: progress.published,
    notifications: job.notifications,
    input: showInput(job.request),
    job_id: job.id,
    job_start_time: job.startedAt.toISOString(),
    job_end_time: job.endedAt?.toISOString(),
  };
}

/** An experiment that has its outcome. */
export function showOutcome(job: Pick<BulkJobEntity, 'request'>, outcome: StoredOutcome, shard: ShardTimes): ExperimentDocument {
  const { experiment, existed, publishError: error } = outcome;
  const { plannedAt, recommendedAt, publishedAt } = shard;
  const publication = publishedAt ? { at: publishedAt, error } : undefined;
  return showExperiment(
    { experiment, existed, outcome, plannedAt, recommendedAt: recommendedAt ?? undefined, publication },
    createSettings(job.request),
  );
}

/** An experiment that has no outcome yet. */
export function showPlanned(
  job: Pick<BulkJobEntity, 'request'>,
  { existed, ...experiment }: PlannedExperiment,
  plannedAt: Date,
): ExperimentDocument {
  return showExperiment({ experiment, existed, plannedAt }, createSettings(job.request));
}

/** The request as it was given, with the defaults that apply where it is silent, and without what may be secret. */
function showInput(request: BulkRequest): object {
  const { datasource, metadata_profile, measurement_duration, webhook, ...rest } = request;
  return {
    ...rest,
    webhook: webhook?.url ? { url: maskWebhookUrl(webhook.url) } : webhook,
    datasource: datasource ?? (request.datasources?.length ? undefined : requestDefaults.datasource),
    metadata_profile: metadata_profile ?? requestDefaults.metadata_profile,
    measurement_duration: measurement_duration ?? requestDefaults.measurement_duration,
  };
}

function createSettings(request: BulkRequest) {
  return {
    metricProfile: requestDefaults.metric_profile,
    metadataProfile: request.metadata_profile ?? requestDefaults.metadata_profile,
    measurementMinutes: (readDuration(request.measurement_duration ?? requestDefaults.measurement_duration) ?? 0) / 60,
    threshold: request.threshold ?? 0.1,
  };
}
