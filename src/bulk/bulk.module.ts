import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { CapabilityCache } from '../datasource/capabilities.js';
import { Datasources } from '../datasource/datasources.js';
import { KeptDaysStore } from '../discovery/kept-days-store.js';
import { ExperimentEntity, ExperimentStore, OutcomeEntity, OutcomeStore } from '../experiments/experiment-rows.js';
import { MetadataProfiles } from '../profiles/metadata-profile.js';
import { KafkaClient } from '../publication/kafka-client.js';
import { Publisher } from '../publication/publisher.js';
import { WebhookClient } from '../publication/webhook-client.js';
import { fromSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { JobSizer } from '../sizing/job-sizer.js';
import { type LocalSizer, openSizer } from '../sizing/open-sizer.js';
import { WorkerThreads } from '../sizing/threads.js';
import { WindowStore } from '../usage/cache/window-store.js';
import { DiscoverStep } from './discover-step.js';
import { EndedJobs, FinishStep, NotifyStep } from './ending-steps.js';
import { JobReader } from './job-reader.js';
import { BulkJobEntity, BulkJobStore } from './job-rows.js';
import { LeaseStore } from './lease-rows.js';
import { QueueBackend, WakeUps } from './queue.js';
import { Reconciler } from './reconciler.js';
import { RunningLeases } from './running-leases.js';
import { ShardEntity, ShardStore } from './shard-rows.js';
import { MeasureStep, PublishStep } from './shard-steps.js';
import { StepRunner, StepWorkers } from './step-runner.js';
import { SubmitJob } from './submit-job.js';

const rows = [LeaseStore, BulkJobStore, ShardStore, JobReader, ExperimentStore, OutcomeStore];
const steps = [DiscoverStep, MeasureStep, PublishStep, FinishStep, NotifyStep, EndedJobs, RunningLeases, StepRunner];
const publication = [KafkaClient, Publisher, WebhookClient];

/** The main thread's Sizer. It probes datasources and stops the start if profiles or layers are faulty. */
const LOCAL_SIZER = Symbol('LOCAL_SIZER');

function sizing(settings: Settings): Provider[] {
  const localSizer = () => {
    const sizer = openSizer(settings);
    return Object.assign(sizer, { onApplicationShutdown: sizer.close });
  };
  const jobSizer = (threads: WorkerThreads, { capabilities, profiles }: LocalSizer, database: DataSource) => {
    const windows = new WindowStore(database, profiles, settings);
    return new JobSizer(threads, capabilities, profiles, windows, new KeptDaysStore(database), settings);
  };
  return [
    { provide: LOCAL_SIZER, useFactory: localSizer },
    { provide: CapabilityCache, useFactory: ({ capabilities }: LocalSizer) => capabilities, inject: [LOCAL_SIZER] },
    { provide: WorkerThreads, useFactory: () => new WorkerThreads(settings) },
    { provide: JobSizer, useFactory: jobSizer, inject: [WorkerThreads, LOCAL_SIZER, DataSource] },
  ];
}

/** Everything that a job passes through: request, rows, queues, steps. */
@Module({})
export class BulkModule {
  static at(settings: Settings, databaseUrl: string): DynamicModule {
    return {
      module: BulkModule,
      imports: [TypeOrmModule.forFeature([BulkJobEntity, ShardEntity, ExperimentEntity, OutcomeEntity])],
      providers: [
        fromSettings(Datasources),
        fromSettings(MetadataProfiles),
        ...sizing(settings),
        ...publication,
        ...rows,
        ...steps,
        SubmitJob,
        { provide: QueueBackend, useFactory: () => QueueBackend.open(settings, settings.DATABASE_DIRECT_URL ?? databaseUrl) },
        WakeUps,
        StepWorkers,
        Reconciler,
      ],
      exports: [Datasources, CapabilityCache, Publisher, SubmitJob, BulkJobStore, JobReader, EndedJobs, WakeUps],
    };
  }
}
