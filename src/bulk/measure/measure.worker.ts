import 'reflect-metadata';
import { workerData } from 'node:worker_threads';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DatabaseModule } from '../../database/database.module.js';
import { DatasourceError } from '../../datasource/datasource-error.js';
import { logger, NestLogger } from '../../settings/logger.js';
import { SettingsModule } from '../../settings/settings.module.js';
import { EvidenceModule } from '../../usage/evidence/evidence.module.js';
import { LayersModule } from '../../usage/layers/layers.module.js';
import { StoredUsageModule } from '../../usage/stored/stored-usage.module.js';
import { UsageModule } from '../../usage/usage.module.js';
import type { MeasureResult, MeasureTask, ThreadData } from './measurement.js';
import { Measurer } from './measurer.js';
import { joinThreads } from './thread-channel.js';

/** To PostgreSQL: two shards are read at a time while a third's windows are written. */
const connections = 3;

/** What a measuring thread consists of. */
@Module({})
class MeasureModule {
  static of({ settings, databaseUrl }: ThreadData): DynamicModule {
    // The process that started this thread has brought the tables to this release.
    const memory = [DatabaseModule.at(databaseUrl, connections, { migrates: false }), StoredUsageModule];
    return {
      module: MeasureModule,
      imports: [SettingsModule.of(settings), ...(settings.USAGE_STORE ? memory : [UsageModule]), LayersModule, EvidenceModule],
      providers: [Measurer],
    };
  }
}

const data = workerData as ThreadData;
logger.level = data.settings.LOG_LEVEL;
const app = await NestFactory.createApplicationContext(MeasureModule.of(data), { logger: new NestLogger(), abortOnError: false });
const measurer = app.get(Measurer);
joinThreads(() => app.close());

/** Entry of a measuring thread (started by MeasurePool). */
export default async function measure(task: MeasureTask): Promise<MeasureResult> {
  try {
    return { measurements: await measurer.measure(task) };
  } catch (reason) {
    if (!(reason instanceof DatasourceError)) throw reason;
    return { datasourceFailure: { failure: reason.failure, message: reason.message } };
  }
}
