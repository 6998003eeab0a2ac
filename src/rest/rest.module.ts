import { type DynamicModule, Module } from '@nestjs/common';
import type { Settings } from '../settings/settings-schema.js';
import { BulkController, JobsController, QueuesController } from './bulk.controller.js';
import { DatasourcesController } from './datasources.controller.js';
import { HealthController, MetricsController } from './health.controller.js';

/** The REST API: jobs, datasources, health and metrics. A worker serves only health and metrics. */
@Module({})
export class RestModule {
  static beside(bulk: DynamicModule, intake: DynamicModule, { ROLE }: Pick<Settings, 'ROLE'>): DynamicModule {
    return {
      module: RestModule,
      imports: [bulk, intake],
      controllers: [
        ...(ROLE === 'worker' ? [] : [JobsController, QueuesController, BulkController, DatasourcesController]),
        HealthController,
        MetricsController,
      ],
    };
  }
}
