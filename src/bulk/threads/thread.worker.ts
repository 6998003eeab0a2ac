import 'reflect-metadata';
import { setPriority } from 'node:os';
import { workerData } from 'node:worker_threads';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DatabaseModule } from '../../database/database.module.js';
import { DatasourceError } from '../../datasource/datasource-error.js';
import { Discovery, type DiscoveryRequest, type DiscoveryResult } from '../../discovery/discovery.js';
import { DiscoveryModule } from '../../discovery/discovery.module.js';
import { DiscoveryMemoryModule } from '../../discovery/discovery-memory.module.js';
import { logger, NestLogger } from '../../settings/logger.js';
import { SettingsModule } from '../../settings/settings.module.js';
import { EvidenceModule } from '../../usage/evidence/evidence.module.js';
import { LayersModule } from '../../usage/layers/layers.module.js';
import { StoredUsageModule } from '../../usage/stored/stored-usage.module.js';
import { UsageModule } from '../../usage/usage.module.js';
import { Measurer } from './measurer.js';
import { joinThreads } from './thread-channel.js';
import type { Answered, Measurement, MeasureTask, ThreadData } from './thread-messages.js';

/** To PostgreSQL: two shards are read at a time while a third's windows are written. */
const connections = 3;

/** What a thread consists of. */
@Module({})
class ThreadModule {
  static of({ settings, databaseUrl }: ThreadData): DynamicModule {
    // The process that started this thread has brought the tables to this release.
    const memory = [DatabaseModule.at(databaseUrl, connections, { migrates: false }), StoredUsageModule, DiscoveryMemoryModule];
    return {
      module: ThreadModule,
      imports: [
        SettingsModule.of(settings),
        ...(settings.USAGE_STORE ? memory : [UsageModule]),
        LayersModule,
        EvidenceModule,
        DiscoveryModule,
      ],
      providers: [Measurer],
    };
  }
}

/** So much less of the processor than the main thread, which callers wait for, where both want it (nice values; on Linux they are a thread's own). */
const niceness = 5;
if (process.platform === 'linux') setPriority(niceness);

const data = workerData as ThreadData;
logger.level = data.settings.LOG_LEVEL;
const app = await NestFactory.createApplicationContext(ThreadModule.of(data), { logger: new NestLogger(), abortOnError: false });
const measurer = app.get(Measurer);
const discovery = app.get(Discovery);
joinThreads(() => app.close());

/** What WorkerThreads asks for. */
export function measure(task: MeasureTask): Promise<Answered<Measurement[]>> {
  return answer(() => measurer.measure(task));
}

export function discover(request: DiscoveryRequest): Promise<Answered<DiscoveryResult>> {
  return answer(() => discovery.discover(request));
}

async function answer<T>(work: () => Promise<T>): Promise<Answered<T>> {
  try {
    return { value: await work() };
  } catch (reason) {
    if (!(reason instanceof DatasourceError)) throw reason;
    return { datasourceFailure: { failure: reason.failure, message: reason.message } };
  }
}
