import { Module } from '@nestjs/common';
import { RemoteRead } from '../chunks/remote-read.js';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { MetricProfiles } from './metric-profiles.js';
import { ProbedUsageReader } from './probed-usage-reader.js';
import { PlannedQueries } from './promql/planned-queries.js';
import { PromqlUsageReader } from './promql/promql-usage-reader.js';
import { ReaderProbes } from './reader-probes.js';
import { RuleFallbackReader } from './rule-fallback-reader.js';
import { UsageReader } from './usage-reader.js';

/** Usage from datasources: inject UsageReader. ReaderProbes tell how each datasource is read. */
@Module({
  imports: [DatasourceModule],
  providers: [
    MetricProfiles,
    PlannedQueries,
    PromqlUsageReader,
    { provide: RemoteRead, useFactory: (http: DatasourceHttp) => new RemoteRead(http), inject: [DatasourceHttp] },
    ReaderProbes,
    ProbedUsageReader,
    { provide: UsageReader, useClass: RuleFallbackReader },
  ],
  exports: [UsageReader, MetricProfiles, ReaderProbes],
})
export class UsageModule {}
