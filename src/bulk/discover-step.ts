import { Injectable } from '@nestjs/common';
import { Datasources } from '../datasource/datasources.js';
import type { DiscoveredCluster } from '../discovery/read-workloads.js';
import type { Notifications } from '../experiments/experiment.js';
import { MetadataProfiles } from '../profiles/metadata-profile.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { type ResolvedRequest, resolveRequest, usageRows } from '../sizing/bulk-request.js';
import { JobSizer } from '../sizing/job-sizer.js';
import { experimentNotifications, jobNotifications } from '../sizing/notifications.js';
import { type NameClash, planExperiments, planShards } from '../sizing/plan-experiments.js';
import { EndedJobs } from './ending-steps.js';
import { type BulkJobEntity, BulkJobStore, type JobPlan } from './job-rows.js';
import { type Lease, Stopped } from './lease-rows.js';
import { announce } from './running-leases.js';
import { showMetadata } from './show-job.js';
import { JobFailure, type StepWork } from './step-work.js';
import type { WakeUpsByStep } from './steps.js';

const log = logOf('bulk');

/** Maximum pod series per shard: about 3 million points per query for 15 days at 15 minutes, far below the limit of any datasource. */
const shardPods = 2_000;

/** Maximum usage rows per shard, about 160 bytes each: 400 experiments with 15 days at 15 minutes, or two with a year at 2 minutes. */
const shardRows = 600_000;

interface DiscoveredSource {
  readonly datasource: string;
  readonly cluster: DiscoveredCluster;
  readonly warnings: readonly string[];
}

/** First step of a job: discovers the workloads, plans experiments and shards, and commits the plan. */
@Injectable()
export class DiscoverStep implements StepWork {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly sources: Datasources,
    private readonly profiles: MetadataProfiles,
    private readonly sizer: JobSizer,
    private readonly ended: EndedJobs,
    @InjectSettings() private readonly settings: Settings,
  ) {}

  async run(lease: Lease, signal: AbortSignal): Promise<WakeUpsByStep> {
    const job = await this.jobs.find(lease.jobId);
    if (job?.status !== 'IN_PROGRESS' || job.plannedAt) throw new Stopped('nothing is left to do');
    const request = resolveRequest(job.request);
    const found = await this.discover(job, request, signal);
    const plan = this.plan(request, found);
    announce(lease, 'done');
    const hasEnded = await this.jobs.plan(lease, plan);
    const { shards, failed } = plan;
    const count = shards.reduce((sum, { experiments }) => sum + experiments.length, failed.length);
    log.info({ jobId: job.id, experiments: count, shards: shards.length }, 'a job was planned');
    if (hasEnded) return this.ended.afterEnd(job.id);
    const clashes = failed.length > 0 && job.publication === 'pending' ? [{ jobId: job.id, shard: shards.length }] : [];
    return { measure: shards.map(({ number }) => ({ jobId: job.id, shard: number })), publish: clashes };
  }

  async giveUp(lease: Lease, reason: Error): Promise<WakeUpsByStep> {
    return this.ended.fail(lease.jobId, jobNotifications.failure(reason), lease);
  }

  private async discover(job: BulkJobEntity, request: ResolvedRequest, signal: AbortSignal): Promise<DiscoveredSource[]> {
    const missing = request.datasources.find((name) => !this.sources.find(name));
    if (missing !== undefined) throw new JobFailure(jobNotifications.unknownDatasource(missing));
    const profile = this.profiles.find(request.metadataProfile);
    if (!profile) throw new JobFailure(jobNotifications.unknownMetadataProfile(request.metadataProfile));
    // If one datasource fails, the job fails: stop querying the others.
    const failure = new AbortController();
    const stop = AbortSignal.any([signal, failure.signal]);
    const discoveries = Promise.all(
      request.datasources.map(async (name): Promise<DiscoveredSource> => {
        const query = {
          datasource: this.sources.find(name)!,
          metadataProfile: profile,
          filter: request.filter,
          measurementSeconds: request.measurementSeconds,
          timeRange: request.timeRange,
          nowSeconds: Math.floor(job.startedAt.getTime() / 1000),
          refresh: request.refresh,
        };
        const { cluster, warnings } = await this.sizer.discover(query, stop);
        return { datasource: name, cluster, warnings };
      }),
    );
    return discoveries.catch((reason) => {
      failure.abort(reason);
      throw reason;
    });
  }

  private plan(request: ResolvedRequest, found: readonly DiscoveredSource[]): JobPlan {
    const { experiments, clashes } = planExperiments(found, {
      nameFormat: this.settings.experimentNameFormat,
      clusterName: request.clusterName,
      types: request.experimentTypes,
      labels: request.filter.include?.labels ?? undefined,
    });
    const total = experiments.length + clashes.length;
    const limit = this.settings.bulkapilimit;
    if (limit > 0 && total > limit) throw new JobFailure(jobNotifications.limitExceeded());
    const size = Math.max(1, Math.min(this.settings.SHARD_SIZE, Math.floor(shardRows / usageRows(request))));
    const shards = planShards(experiments, { experiments: size, pods: shardPods });
    return {
      shards: shards.map((members, number) => ({ number, experiments: members })),
      failed: clashes.map(clashOutcome),
      notifications: { ...warningsOf(found), ...(total === 0 ? jobNotifications.nothingToDo() : {}) },
      metadata: showMetadata(found.map((each) => ({ ...each, clusterName: request.clusterName }))),
      at: new Date(),
    };
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

function warningsOf(found: readonly DiscoveredSource[]): Notifications {
  const partial = found.filter(({ warnings }) => warnings.length > 0);
  return Object.assign({}, ...partial.map(({ datasource, warnings }) => jobNotifications.partialAnswer(datasource, warnings)));
}
