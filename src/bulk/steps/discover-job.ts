import { Injectable } from '@nestjs/common';
import { Datasources } from '../../datasource/datasources.js';
import type { DiscoveredCluster } from '../../discovery/discovered-cluster.js';
import { MetadataProfiles } from '../../discovery/metadata-profiles.js';
import { showMetadata } from '../../discovery/show-metadata.js';
import type { Notifications } from '../../experiments/notification.js';
import { type NameClash, planExperiments } from '../../experiments/plan-experiments.js';
import { planShards } from '../../experiments/plan-shards.js';
import { logOf } from '../../settings/logger.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { BulkJobEntity } from '../bulk-job.entity.js';
import { BulkJobStore, type JobPlan } from '../bulk-job-store.js';
import { experimentNotifications, jobNotifications } from '../bulk-notifications.js';
import { WakeUps } from '../queue/wake-ups.js';
import { type ResolvedRequest, resolveRequest } from '../resolve-request.js';
import { WorkerThreads } from '../threads/worker-threads.js';
import { EndedJobs } from './ended-jobs.js';

const log = logOf('bulk');

/** Pod series of one shard: at 15 days of 15 minutes some 3 million points a query, far below every datasource's limit. */
const shardPods = 2_000;

interface Found {
  readonly datasource: string;
  readonly cluster: DiscoveredCluster;
  readonly warnings: readonly string[];
}

/** First step of a job: finds the workloads, plans experiments and shards, and commits the plan. */
@Injectable()
export class DiscoverJob {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly sources: Datasources,
    private readonly profiles: MetadataProfiles,
    private readonly threads: WorkerThreads,
    private readonly wakeUps: WakeUps,
    private readonly ended: EndedJobs,
    @InjectSettings() private readonly settings: Settings,
  ) {}

  async run({ jobId }: { jobId: string }): Promise<void> {
    const job = await this.jobs.find(jobId);
    if (job?.status !== 'IN_PROGRESS' || job.plannedAt) return;
    try {
      await this.plan(job, resolveRequest(job.request));
    } catch (reason) {
      log.warn({ jobId, error: String(reason) }, 'discovery failed');
      await this.ended.fail(jobId, jobNotifications.failure(reason));
    }
  }

  private async plan(job: BulkJobEntity, request: ResolvedRequest): Promise<void> {
    const missing = request.datasources.find((name) => !this.sources.find(name));
    if (missing !== undefined) return this.ended.fail(job.id, jobNotifications.unknownDatasource(missing));
    const profile = this.profiles.find(request.metadataProfile);
    if (!profile) return this.ended.fail(job.id, jobNotifications.unknownMetadataProfile(request.metadataProfile));

    const found = await Promise.all(
      request.datasources.map(async (name): Promise<Found> => {
        const { cluster, warnings } = await this.threads.discover({
          datasource: this.sources.find(name)!,
          metadataProfile: profile,
          filter: job.request.filter ?? {},
          measurementSeconds: request.measurementSeconds,
          timeRange: request.timeRange,
          nowSeconds: Math.floor(job.startedAt.getTime() / 1000),
          refresh: job.request.refresh ?? false,
        });
        return { datasource: name, cluster, warnings };
      }),
    );
    await this.commit(job, request, found);
  }

  private async commit(job: BulkJobEntity, request: ResolvedRequest, found: readonly Found[]): Promise<void> {
    const { experiments, clashes } = planExperiments(found, {
      nameFormat: this.settings.experimentNameFormat,
      clusterName: request.clusterName,
      types: request.experimentTypes,
      labels: request.includedLabels,
    });
    const total = experiments.length + clashes.length;
    const limit = this.settings.bulkapilimit;
    if (limit > 0 && total > limit) return this.ended.fail(job.id, jobNotifications.limitExceeded());

    const shards = planShards(experiments, { experiments: this.settings.SHARD_SIZE, pods: shardPods });
    const plan: JobPlan = {
      shards: shards.map((members, number) => ({ number, experiments: members })),
      failed: clashes.map(clashOutcome),
      notifications: { ...warningsOf(found), ...(total === 0 ? jobNotifications.nothingToDo() : {}) },
      metadata: showMetadata(found.map((each) => ({ ...each, clusterName: request.clusterName }))),
      at: new Date(),
    };
    if (!(await this.jobs.plan(job.id, plan))) return;
    log.info({ jobId: job.id, experiments: total, shards: shards.length }, 'a job is planned');
    await this.wakeUps.wake('measure', ...plan.shards.map(({ number }) => ({ jobId: job.id, shard: number })));
    if (shards.length === 0) await this.ended.wake(job.id);
    if (clashes.length > 0 && job.publication === 'pending') await this.wakeUps.wake('publish', { jobId: job.id, shard: shards.length });
  }
}

function clashOutcome({ name, experiments }: NameClash): JobPlan['failed'][number] {
  const described = experiments.map((experiment) =>
    experiment.type === 'namespace'
      ? `namespace ${experiment.namespace}`
      : `${experiment.datasource}: ${experiment.workloadType} ${experiment.namespace}/${experiment.workload}, container ${experiment.container}`,
  );
  return {
    experiment: experiments[0],
    existed: false,
    status: 'FAILED',
    notifications: experimentNotifications.nameClash(name, described),
  };
}

function warningsOf(found: readonly Found[]): Notifications {
  const partial = found.filter(({ warnings }) => warnings.length > 0);
  return Object.assign({}, ...partial.map(({ datasource, warnings }) => jobNotifications.partialAnswer(datasource, warnings)));
}
