import { Module } from '@nestjs/common';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { ProbesModule } from '../probes/probes.module.js';
import { MetricProfiles } from '../profiles/metric-profile.js';
import { fromSettings } from '../settings/settings.module.js';
import { PlannedQueries } from './from-promql/planned-queries.js';
import { PromqlUsageReader } from './from-promql/promql-usage-reader.js';
import { ProbedUsageReader, RuleFallbackReader } from './usage-chain.js';

import { UsageReader } from './usage-reader.js';

/** Usage from datasources: inject UsageReader. ReaderProbes tell how each datasource is read. */
@Module({
  imports: [DatasourceModule, ProbesModule],
  providers: [
    fromSettings(MetricProfiles),
    PlannedQueries,
    PromqlUsageReader,
    ProbedUsageReader,
    { provide: UsageReader, useClass: RuleFallbackReader },
  ],
  exports: [UsageReader, MetricProfiles, ProbesModule],
})
export class UsageModule {}
