import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { DiscoveryModule } from '../discovery/discovery.module.js';
import { ExperimentsModule } from '../experiments/experiments.module.js';
import { ProbesModule } from '../probes/probes.module.js';
import { PublicationModule } from '../publication/publication.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { LayersModule } from '../usage/layers.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { BulkController } from './bulk.controller.js';
import { BulkJobEntity } from './bulk-job.entity.js';
import { BulkJobStore } from './bulk-job-store.js';
import { DiscoverStep } from './discover-step.js';
import { EndedJobs } from './ended-jobs.js';
import { FinishStep, NotifyStep } from './ending-steps.js';
import { JobReader } from './job-reader.js';
import { JobsController } from './jobs.controller.js';
import { LeaseStore } from './lease-store.js';
import { MeasureStep } from './measure-step.js';
import { PublishStep } from './publish-step.js';
import { QueueBackend } from './queue/queue-backend.js';
import { StepWorkers } from './queue/step-workers.js';
import { WakeUps } from './queue/wake-ups.js';
import { Reconciler } from './reconciler.js';
import { RunningLeases } from './running-leases.js';
import { ShardEntity } from './shard.entity.js';
import { ShardStore } from './shard-store.js';
import { StepRunner } from './step-runner.js';
import { SubmitJob } from './submit-job.js';
import { WorkerThreads } from './threads/worker-threads.js';

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
      controllers: settings.ROLE === 'worker' ? [] : [JobsController, BulkController],
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
      exports: [SubmitJob, BulkJobStore, JobReader, WakeUps],
    };
  }
}
