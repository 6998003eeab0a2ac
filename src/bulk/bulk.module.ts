import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
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

function openLocalSizer(settings: Settings): LocalSizer {
  const sizer = openSizer(settings);
  return Object.assign(sizer, { onModuleDestroy: sizer.close });
}

/** Provider for a class that does not depend on Nest. */
function provide<T>(type: Type<T>, useFactory: (...parts: never[]) => T, ...inject: (Type | symbol)[]): Provider {
  return { provide: type, useFactory: useFactory as (...parts: unknown[]) => T, inject };
}

function sizing(settings: Settings): Provider[] {
  return [
    { provide: LOCAL_SIZER, useFactory: () => openLocalSizer(settings) },
    provide(CapabilityCache, ({ capabilities }: LocalSizer) => capabilities, LOCAL_SIZER),
    provide(WorkerThreads, () => new WorkerThreads(settings)),
    provide(
      WindowStore,
      (database: DataSource, { profiles }: LocalSizer) => new WindowStore(database, profiles, settings),
      DataSource,
      LOCAL_SIZER,
    ),
    provide(KeptDaysStore, (database: DataSource) => new KeptDaysStore(database), DataSource),
    provide(
      JobSizer,
      (threads: WorkerThreads, { capabilities, profiles }: LocalSizer, windows: WindowStore, days: KeptDaysStore) =>
        new JobSizer(threads, capabilities, profiles, windows, days, settings),
      WorkerThreads,
      LOCAL_SIZER,
      WindowStore,
      KeptDaysStore,
    ),
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
