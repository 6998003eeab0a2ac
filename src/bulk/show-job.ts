import type { DiscoveredCluster, DiscoveredWorkload } from '../discovery/read-workloads.js';
import type { ExperimentDocument } from '../experiments/experiment.js';
import type { StoredOutcome } from '../experiments/experiment-rows.js';
import { showExperiment } from '../experiments/show-experiment.js';
import { groupBy } from '../promql/labels.js';
import { maskWebhookUrl } from '../publication/webhook-target.js';
import { type BulkRequest, requestDefaults, resolveRequest } from '../sizing/bulk-request.js';
import type { PlannedExperiment } from '../sizing/plan-experiments.js';
import type { BulkJobEntity, JobProgress } from './job-rows.js';
import type { ShardEntity } from './shard-rows.js';

/** Result of discovery in one datasource. */
export interface DiscoveredDatasource {
  readonly datasource: string;
  /** Default: `default`. */
  readonly clusterName?: string;
  readonly cluster: DiscoveredCluster;
}

/** The `metadata` section of GET /bulk (Kruize: design/BulkAPI.md). Empty `workloads` and `containers` are omitted, as in Kruize. */
export function showMetadata(found: readonly DiscoveredDatasource[]): object {
  const datasources = found.map(({ datasource, clusterName = 'default', cluster }) => [
    datasource,
    { clusters: { [clusterName]: showCluster(clusterName, cluster) }, datasource_name: datasource },
  ]);
  return { datasources: Object.fromEntries(datasources) };
}

/** `dataSourceClusterName` repeats the name, as in Kruize. */
function showCluster(clusterName: string, cluster: DiscoveredCluster): object {
  const workloads = groupBy(cluster.workloads, ({ namespace }) => namespace);
  const containers = groupBy(cluster.containers, workloadKey);
  const namespaces = cluster.namespaces.map((namespace) => {
    const shown = showWorkloads(workloads.get(namespace) ?? [], containers);
    return [namespace, { namespace, ...(shown && { workloads: shown }) }];
  });
  return { namespaces: Object.fromEntries(namespaces), dataSourceClusterName: clusterName, cluster_name: clusterName };
}

/** If two kinds of workloads have the same name, the second gets the key `name(kind)`. */
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

type ShownJob = Pick<BulkJobEntity, 'id' | 'status' | 'totalExperiments' | 'notifications' | 'request' | 'startedAt' | 'endedAt'> &
  Partial<Pick<BulkJobEntity, 'origin'>>;
/** When the status of a shard's experiments changed. */
export type ShardTimes = Pick<ShardEntity, 'plannedAt' | 'recommendedAt' | 'publishedAt'>;

/** The `summary` section of GET /bulk (Kruize: design/BulkAPI.md) with our additional counts (docs/compatibility.md). */
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
    started_by: job.origin ?? undefined,
  };
}

/** Document of an experiment that has its outcome. */
export function showOutcome(job: Pick<BulkJobEntity, 'request'>, outcome: StoredOutcome, shard: ShardTimes): ExperimentDocument {
  const { experiment, existed, publishError: error } = outcome;
  const { plannedAt, recommendedAt, publishedAt } = shard;
  const publication = publishedAt ? { at: publishedAt, error } : undefined;
  return showExperiment(
    { experiment, existed, outcome, plannedAt, recommendedAt: recommendedAt ?? undefined, publication },
    createSettings(job.request),
  );
}

/** Document of an experiment that has no outcome yet. */
export function showPlanned(
  job: Pick<BulkJobEntity, 'request'>,
  { existed, ...experiment }: PlannedExperiment,
  plannedAt: Date,
): ExperimentDocument {
  return showExperiment({ experiment, existed, plannedAt }, createSettings(job.request));
}

/** The request with its defaults filled in and without secrets. */
function showInput(request: BulkRequest): object {
  const { datasource, metadata_profile: _, measurement_duration, webhook, ...rest } = request;
  const { datasources, metadataProfile } = resolveRequest(request);
  return {
    ...rest,
    webhook: webhook?.url ? { url: maskWebhookUrl(webhook.url) } : webhook,
    datasource: datasource ?? (request.datasources?.length ? undefined : datasources[0]),
    metadata_profile: metadataProfile,
    measurement_duration: measurement_duration ?? requestDefaults.measurement_duration,
  };
}

function createSettings(request: BulkRequest) {
  const { metricProfile, metadataProfile, measurementSeconds, threshold } = resolveRequest(request);
  return { metricProfile, metadataProfile, measurementMinutes: measurementSeconds / 60, threshold };
}
