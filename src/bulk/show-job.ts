import type { ExperimentDocument } from '../experiments/experiment.js';
import type { StoredOutcome } from '../experiments/experiment-rows.js';
import { showExperiment } from '../experiments/show-experiment.js';
import { maskWebhookUrl } from '../publication/webhook-target.js';
import { readDuration } from '../settings/duration.js';
import type { BulkJobEntity } from './bulk-job.entity.js';
import type { JobProgress } from './bulk-job-store.js';
import { type BulkRequest, requestDefaults } from './bulk-request.js';
import type { PlannedExperiment, ShardEntity } from './shard.entity.js';

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
