import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exampleCapabilities, exampleContainer, exampleDatasource } from '../../../test/examples.js';
import type { Capabilities } from '../../datasource/capabilities.js';
import { DatasourceClient } from '../../datasource/datasource-client.js';
import { DatasourceHttp } from '../../datasource/datasource-http.js';
import { MetricProfiles } from '../../profiles/metric-profile.js';
import type { SeriesWindows } from '../../remote-read/series-windows.js';
import { readSettings } from '../../settings/read-settings.js';
import { PlannedQueries } from '../from-promql/planned-queries.js';
import { PromqlUsageReader } from '../from-promql/promql-usage-reader.js';
import { type ChunkReaderParts, ChunkUsageReader } from './chunk-usage-reader.js';

const settings = readSettings({ DATASOURCE_RETRY_MS: '0' });
const rule = 'namespace_workload_pod:kube_pod_owner:relabel';
const rows = 3;
const experiment = exampleContainer();

/** A series with the same values for all windows of its question. */
interface TestSeries {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}
const usage = (pod: string, values: readonly number[]): TestSeries => ({
  metric: 'container_memory_rss',
  labels: { namespace: 'shop', pod, container: 'app' },
  values,
});
const owner = (pod: string, workload = 'web'): TestSeries => ({
  metric: rule,
  labels: { namespace: 'shop', pod, workload, workload_type: 'deployment' },
  values: [1, 1, 1],
});

const http = new DatasourceHttp(settings);
let server: Server;
let queries: string[];
beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    queries.push(new URLSearchParams(body).get('query') ?? '');
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [] } }));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
beforeEach(() => {
  queries = [];
});
afterAll(() => {
  http.close();
  server.close();
});

/** Sends the series of each attempt, ordered by question or as listed. The last attempt succeeds. */
function remoteReadOf(attempts: readonly (readonly TestSeries[])[], isOrdered = true): ChunkReaderParts['client'] & { reads: number } {
  const remoteRead = {
    reads: 0,
    readChunks: async (...[, questions, , onSeries, , onAgain]: Parameters<ChunkReaderParts['client']['readChunks']>) => {
      remoteRead.reads++;
      const indexOf = ({ metric }: TestSeries) => questions.findIndex(({ matchers }) => matchers[0]!.value === metric);
      for (const [attempt, series] of attempts.entries()) {
        if (attempt > 0) onAgain?.();
        const known = series.filter((one) => indexOf(one) >= 0);
        for (const one of isOrdered ? known.sort((a, b) => indexOf(a) - indexOf(b)) : known) {
          const { windows } = questions[indexOf(one)]!;
          const values = windows.map(() => Float64Array.from(one.values));
          onSeries({ question: indexOf(one), labels: one.labels, values, firstRow: 0, endRow: rows } satisfies SeriesWindows);
        }
      }
    },
  };
  return remoteRead;
}

const chunksAre = (rules: Capabilities['rules']) => exampleCapabilities({ rules });

async function read(
  remoteRead: ChunkReaderParts['client'],
  metricProfile = 'resource-optimization-local-monitoring',
  capabilities = chunksAre({ cpu: true, owners: true }),
) {
  const profiles = new MetricProfiles(settings);
  const promql = new PromqlUsageReader(new PlannedQueries(new DatasourceClient(http)), profiles, settings);
  const reader = new ChunkUsageReader({ client: remoteRead, promql, profiles, settings });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const datasource = exampleDatasource({ name: 'p', url });
  const request = {
    datasource,
    capabilities,
    metricProfile,
    experiments: [experiment],
    endSeconds: 1800,
    stepSeconds: 900,
    rows,
    dropsInactive: false,
  };
  return (await reader.read(request))[0]!;
}

describe('ChunkUsageReader', () => {
  it('fills the table from one remote read and queries only accelerators with PromQL', async () => {
    const remoteRead = remoteReadOf([[owner('a'), owner('b'), usage('a', [1, 2, 3]), usage('b', [4, 1, Number.NaN])]]);
    const table = await read(remoteRead);
    expect(table.columns).toEqual({ 'memoryRSS.max': Float64Array.of(4, 2, 3), 'memoryRSS.min': Float64Array.of(1, 1, 3) });
    expect(table.present).toEqual(Uint8Array.of(1, 1, 1));
    expect(remoteRead.reads).toBe(1);
    expect(queries).toEqual([expect.stringContaining('DCGM')]);
  });

  it('leaves out pods of other workloads and containers of other shards', async () => {
    const others = { ...usage('a', [9, 9, 9]), labels: { namespace: 'shop', pod: 'a', container: 'other' } };
    const table = await read(remoteReadOf([[owner('a'), owner('b', 'api'), usage('a', [1, 1, 1]), usage('b', [9, 9, 9]), others]]));
    expect(table.columns['memoryRSS.max']).toEqual(Float64Array.of(1, 1, 1));
  });

  it('discards the series of an incomplete attempt', async () => {
    const series = [owner('a'), usage('a', [1, 2, 3])];
    const cpu = { ...usage('a', [1, 1, 1]), metric: 'node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate' };
    const table = await read(
      remoteReadOf([
        [...series, cpu],
        [...series, cpu],
      ]),
    );
    expect(table.columns['cpuUsage.sum']).toEqual(Float64Array.of(1, 1, 1));
    expect(table.columns['cpuUsage.count']).toEqual(Float64Array.of(1, 1, 1));
  });

  it('joins pods by kube-state-metrics if the recording rule has no series', async () => {
    const pod = { namespace: 'shop', pod: 'a', owner_kind: 'ReplicaSet', owner_name: 'web-1' };
    const set = { namespace: 'shop', replicaset: 'web-1', owner_kind: 'Deployment', owner_name: 'web' };
    const remoteRead = remoteReadOf([
      [
        { metric: 'kube_replicaset_owner', labels: set, values: [1, 1, 1] },
        { metric: 'kube_pod_owner', labels: pod, values: [1, 1, 1] },
        usage('a', [1, 2, 3]),
      ],
    ]);
    const table = await read(remoteRead);
    expect(table.columns['memoryRSS.max']).toEqual(Float64Array.of(1, 2, 3));
    expect(remoteRead.reads).toBe(2);
  });

  it('rejects a response whose queries are out of order', async () => {
    const isOrdered = false;
    await expect(read(remoteReadOf([[usage('a', [1, 2, 3]), owner('a')]], isOrdered))).rejects.toMatchObject({ failure: 'malformed' });
  });

  it('names a missing profile', async () => {
    await expect(read(remoteReadOf([[]]), 'other')).rejects.toThrow('There is no metric profile "other"');
  });
});
