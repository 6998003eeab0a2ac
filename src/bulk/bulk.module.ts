import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { DiscoveryModule } from '../discovery/discovery.module.js';
import { ExperimentsModule } from '../experiments/experiments.module.js';
import { ProbesModule } from '../probes/probes.module.js';
import { PublicationModule } from '../publication/publication.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { WorkerThreads } from '../sizing/threads.js';
import { LayersModule } from '../usage/layers.module.js';
import { UsageModule } from '../usage/usage.module.js';

import { DiscoverStep } from './discover-step.js';
import { EndedJobs } from './ended-jobs.js';
import { FinishStep, NotifyStep } from './ending-steps.js';
import { JobReader } from './job-reader.js';
import { BulkJobEntity, BulkJobStore } from './job-rows.js';
import { LeaseStore } from './lease-rows.js';
import { MeasureStep } from './measure-step.js';
import { PublishStep } from './publish-step.js';
import { QueueBackend, WakeUps } from './queue.js';

import { Reconciler } from './reconciler.js';
import { RunningLeases } from './running-leases.js';
import { ShardEntity, ShardStore } from './shard-rows.js';

import { StepRunner } from './step-runner.js';
import { StepWorkers } from './step-workers.js';
import { SubmitJob } from './submit-job.js';

const rows = [LeaseStore, BulkJobStore, ShardStore, JobReader];
const steps = [DiscoverStep, MeasureStep, PublishStep, FinishStep, NotifyStep, EndedJobs, RunningLeases, StepRunner];

/** The whole flow of a job: request, rows, queues, steps, REST. */
@Module({})
export class BulkModule {
  static at(settings: Settings, databaseUrl: string): DynamicModule {
    return {
      module: BulkModule,
      imports: [
        TypeOrmModule.forFeature([BulkJobEntity, ShardEntity]),
        DatasourceModule,
        DiscoveryModule,
        ExperimentsModule,
        PublicationModule,
        ProbesModule,
        // Threads read usage; here it makes a faulty metric profile stop the start.
        UsageModule,
        LayersModule,
      ],
      providers: [
        ...rows,
        ...steps,
        SubmitJob,
        WorkerThreads,
        { provide: QueueBackend, useFactory: () => QueueBackend.open(settings, settings.DATABASE_DIRECT_URL ?? databaseUrl) },
        WakeUps,
        StepWorkers,
        Reconciler,
      ],
      exports: [SubmitJob, BulkJobStore, JobReader, EndedJobs, WakeUps],
    };
  }
}
