import { Module } from '@nestjs/common';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { MetricProfiles } from './metric-profiles.js';
import { PlannedQueries } from './promql/planned-queries.js';
import { PromqlUsageReader } from './promql/promql-usage-reader.js';
import { UsageReader } from './usage-reader.js';

/** Usage from datasources: inject UsageReader. */
@Module({
  imports: [DatasourceModule],
  providers: [MetricProfiles, PlannedQueries, { provide: UsageReader, useClass: PromqlUsageReader }],
  exports: [UsageReader, MetricProfiles],
})
export class UsageModule {}
