import { type Handler, refuse, startPrometheusLike } from '../../test/prometheus-like.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { PrometheusClient } from '../datasource/prometheus-client.js';
import { RemoteRead } from '../datasource/remote-read.js';
import type { ContainerExperiment } from '../experiments/experiment.js';
import { ReaderProbes } from '../probes/reader-probes.js';
import { MetricProfiles } from '../profiles/metric-profile.js';
import { readSettings } from '../settings/read-settings.js';
import { PlannedQueries } from './from-promql/planned-queries.js';
import { PromqlUsageReader } from './from-promql/promql-usage-reader.js';
import { ProbedUsageReader } from './usage-chain.js';

const settings = readSettings({ DATASOURCE_RETRY_MS: '0' });
const http = new DatasourceHttp(settings);
const client = new PrometheusClient(http);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => http.onModuleDestroy());

async function serve(parts?: Parameters<typeof startPrometheusLike>[0]) {
  const server = await startPrometheusLike(parts);
  closing.push(server.close);
  return server;
}

const probes = () => new ReaderProbes(new RemoteRead(http), client, http);

describe('ProbedUsageReader', () => {
  const experiment: ContainerExperiment = {
    type: 'container',
    name: 'n',
    datasource: 'p',
    clusterName: 'c',
    pods: 1,
    namespace: 'shop',
    workload: 'web',
    workloadType: 'deployment',
    container: 'app',
    image: 'i',
  };

  function readerWith(one: ReaderProbes) {
    const profiles = new MetricProfiles(settings);
    const promql = new PromqlUsageReader(new PlannedQueries(client), profiles, settings);
    return new ProbedUsageReader(one, promql, new RemoteRead(http), profiles, settings);
  }
  const requestOf = (datasource: Datasource) => ({
    datasource,
    metricProfile: 'resource-optimization-local-monitoring',
    experiments: [experiment],
    endSeconds: 1800,
    stepSeconds: 900,
    rows: 3,
    dropsInactive: false,
  });
  /** Good while it is probed, which is the first read. */
  const brokenAfterProbe = (): Handler => {
    let reads = 0;
    return (_, response) => response.end(reads++ === 0 ? '' : 'these are no frames, whatever was promised before');
  };

  it('reads by PromQL where chunks are promised but broken, and stays with it', async () => {
    const { datasource, paths } = await serve({ read: brokenAfterProbe() });
    const one = probes();
    const reader = readerWith(one);
    const [table] = await reader.read(requestOf(datasource));
    expect(table!.present).toEqual(new Uint8Array(3));
    expect(paths.filter((path) => path === 'query_range').length).toBeGreaterThanOrEqual(21);
    expect(await one.of(datasource)).toMatchObject({ used: 'promql', reason: expect.stringContaining('broken') });
    const readsBefore = paths.filter((path) => path === 'read').length;
    await reader.read(requestOf(datasource));
    expect(paths.filter((path) => path === 'read')).toHaveLength(readsBefore);
  });

  it('fails where the entry insists on chunks', async () => {
    const { datasource } = await serve({ read: refuse(404) });
    await expect(readerWith(probes()).read(requestOf({ ...datasource, usageReader: 'chunks' }))).rejects.toMatchObject({
      name: 'DatasourceError',
    });
  });

  it('asks nothing by remote read where PromQL is chosen', async () => {
    const { datasource, paths } = await serve();
    await readerWith(probes()).read(requestOf({ ...datasource, usageReader: 'promql' }));
    expect(paths).not.toContain('read');
    expect(paths.filter((path) => path === 'query_range')).toHaveLength(21);
  });
});
