import { DatasourceHttp } from '../../src/datasource/datasource-http.js';
import { PrometheusClient } from '../../src/datasource/prometheus-client.js';
import { RemoteRead } from '../../src/datasource/remote-read.js';
import { ReaderProbes } from '../../src/probes/reader-probes.js';
import { MetricProfiles } from '../../src/profiles/metric-profile.js';
import { readSettings } from '../../src/settings/read-settings.js';
import { ChunkUsageReader } from '../../src/usage/from-chunks/chunk-usage-reader.js';
import { PlannedQueries } from '../../src/usage/from-promql/planned-queries.js';
import { PromqlUsageReader } from '../../src/usage/from-promql/promql-usage-reader.js';
import { ProbedUsageReader, RuleFallbackReader } from '../../src/usage/usage-chain.js';

/** The service's readers of usage, put together as the service does. */
export function usageReaders(scope: 'workload' | 'container') {
  const settings = readSettings({ USAGE_SCOPE: scope });
  const http = new DatasourceHttp(settings);
  const client = new PrometheusClient(http);
  const profiles = new MetricProfiles(settings);
  const promql = new PromqlUsageReader(new PlannedQueries(client), profiles, settings);
  const remoteRead = new RemoteRead(http);
  const probes = new ReaderProbes(remoteRead, client, http);
  const chunks = new ChunkUsageReader({ remoteRead, promql, profiles, settings, factsOf: probes.of.bind(probes) });
  const probed = new ProbedUsageReader(probes, promql, remoteRead, profiles, settings);
  return { promql, chunks, probed, probes, whole: new RuleFallbackReader(probed, profiles, client), close: () => http.onModuleDestroy() };
}
