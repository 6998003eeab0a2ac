import 'reflect-metadata';
import { workerData } from 'node:worker_threads';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DatasourceError } from '../../datasource/datasource-error.js';
import { logger, NestLogger } from '../../settings/logger.js';
import { SettingsModule } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import { EvidenceModule } from '../../usage/evidence/evidence.module.js';
import { LayersModule } from '../../usage/layers/layers.module.js';
import { UsageModule } from '../../usage/usage.module.js';
import type { MeasureResult, MeasureTask } from './measurement.js';
import { Measurer } from './measurer.js';

/** What a measuring thread consists of. */
@Module({})
class MeasureModule {
  static of(settings: Settings): DynamicModule {
    return {
      module: MeasureModule,
      imports: [SettingsModule.of(settings), UsageModule, LayersModule, EvidenceModule],
      providers: [Measurer],
    };
  }
}

const settings = workerData as Settings;
logger.level = settings.LOG_LEVEL;
const app = await NestFactory.createApplicationContext(MeasureModule.of(settings), { logger: new NestLogger(), abortOnError: false });
const measurer = app.get(Measurer);

/** Entry of a measuring thread (started by MeasurePool). */
export default async function measure(task: MeasureTask): Promise<MeasureResult> {
  try {
    return { measurements: await measurer.measure(task) };
  } catch (reason) {
    if (!(reason instanceof DatasourceError)) throw reason;
    return { datasourceFailure: { failure: reason.failure, message: reason.message } };
  }
}
