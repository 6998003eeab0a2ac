import { type DynamicModule, Module } from '@nestjs/common';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { PublicationModule } from '../publication/publication.module.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';

/** Probes and metrics. */
@Module({})
export class HealthModule {
  /** `bulk`: the module whose queue is watched. */
  static beside(bulk: DynamicModule): DynamicModule {
    return {
      module: HealthModule,
      imports: [DatasourceModule, PublicationModule, bulk],
      controllers: [HealthController, MetricsController],
    };
  }
}
