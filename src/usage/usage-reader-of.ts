import type { DatasourceHttp } from '../datasource/datasource-http.js';
import { PrometheusClient } from '../datasource/prometheus-client.js';
import { RemoteRead } from '../datasource/remote-read.js';
import { ReaderProbes } from '../probes/reader-probes.js';
import { MetricProfiles } from '../profiles/metric-profile.js';
import type { Settings } from '../settings/settings-schema.js';
import { ProbedUsageReader } from './probed-usage-reader.js';
import { PlannedQueries } from './promql/planned-queries.js';
import { PromqlUsageReader } from './promql/promql-usage-reader.js';
import { RuleFallbackReader } from './rule-fallback-reader.js';
import type { UsageReader } from './usage-reader.js';

/** The reader that UsageModule provides, for a process without Nest: it probes the datasource and reads as a job does. Throws for faulty metric profiles. */
export function usageReaderOf(http: DatasourceHttp, settings: Settings): UsageReader {
  const client = new PrometheusClient(http);
  const profiles = new MetricProfiles(settings);
  const remoteRead = new RemoteRead(http);
  const promql = new PromqlUsageReader(new PlannedQueries(client), profiles, settings);
  const probed = new ProbedUsageReader(new ReaderProbes(remoteRead, client, http), promql, remoteRead, profiles, settings);
  return new RuleFallbackReader(probed, profiles, client);
}
