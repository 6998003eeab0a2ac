import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RemoteRead } from '../chunks/remote-read.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { PrometheusClient } from '../datasource/prometheus-client.js';
import type { ContainerExperiment } from '../experiments/experiment.js';
import { readSettings } from '../settings/read-settings.js';
import { MetricProfiles } from './metric-profiles.js';
import { ProbedUsageReader } from './probed-usage-reader.js';
import { PlannedQueries } from './promql/planned-queries.js';
import { PromqlUsageReader } from './promql/promql-usage-reader.js';
import { ReaderProbes } from './reader-probes.js';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const settings = readSettings({ DATASOURCE_RETRY_MS: '0' });
const http = new DatasourceHttp(settings);
const client = new PrometheusClient(http);
let servers: Server[] = [];
afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
});
afterAll(() => http.onModuleDestroy());

const answerJson = (response: ServerResponse, body: unknown) => response.end(JSON.stringify(body));
const vector = (series: object[]) => ({ status: 'success', data: { resultType: 'vector', result: series } });
const facts = (all: Record<string, string>) =>
  vector(Object.entries(all).map(([fact, value]) => ({ metric: { fact }, value: [0, value] })));

/** A server like Prometheus 2 whose parts can be changed. */
async function serve(parts: Partial<Record<'read' | 'query' | 'query_range' | 'buildinfo', Handler>> = {}) {
  const paths: string[] = [];
  const handlers: Record<string, Handler> = {
    read: (_, response) => response.end(),
    query: (_, response) => answerJson(response, facts({ boundary: '2', steps: '121', extrapolation: '340' })),
    query_range: (_, response) => answerJson(response, { status: 'success', data: { resultType: 'matrix', result: [] } }),
    buildinfo: (request, response) =>
      answerJson(response, { status: 'success', data: { version: request.method === 'GET' ? '2.42.0' : '?' } }),
    ...parts,
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url!.split('/').at(-1)!;
    paths.push(path);
    handlers[path]!(request, response, Buffer.concat(chunks).toString('latin1'));
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const datasource: Datasource = { name: 'p', provider: 'prometheus', url, authentication: { type: 'none' }, insecureSkipVerify: false };
  return { datasource, paths };
}

const probes = () => new ReaderProbes(new RemoteRead(http), client, http);
const refuse =
  (status: number, text = 'no'): Handler =>
  (_, response) => {
    response.statusCode = status;
    response.end(text);
  };

describe('ReaderProbes', () => {
  it('finds remote read, the version and how the server evaluates', async () => {
    const { datasource } = await serve();
    expect(await probes().of(datasource)).toEqual({
      used: 'chunks',
      reason: 'remote read answers with chunks',
      version: '2.42.0',
      boundary: 'closed',
      extrapolation: 'zero-first',
      evaluationMs: 30_000,
    });
  });

  it.each([
    ['an unknown path (Thanos Query)', refuse(404)],
    ['an unsupported path (VictoriaMetrics)', refuse(400, 'unsupported path requested: "/api/v1/read"')],
    ['a proxy that lets only queries through', refuse(403)],
    ['a server that never streams', refuse(501)],
    ['a page', refuse(200, '<html>hello, this is not what you asked for</html>')],
    ['samples instead of chunks', (_, response) => response.end(Buffer.from([2, 4, 10, 0]))],
  ] as [string, Handler][])('takes PromQL for %s', async (_, read) => {
    const { datasource } = await serve({ read });
    expect(await probes().of(datasource)).toMatchObject({ used: 'promql', reason: expect.stringContaining('no chunks by remote read') });
  });

  it.each(['chunks', 'promql'] as const)('does as the entry says: %s, without a remote read', async (usageReader) => {
    const { datasource, paths } = await serve({ read: refuse(404) });
    expect(await probes().of({ ...datasource, usageReader })).toMatchObject({ used: usageReader, version: '2.42.0' });
    expect(paths).not.toContain('read');
  });

  it('does without a version', async () => {
    const { datasource } = await serve({ buildinfo: refuse(404) });
    const probe = await probes().of(datasource);
    expect(probe).toMatchObject({ used: 'chunks' });
    expect(probe.version).toBeUndefined();
  });

  it('asks once, however many want to know', async () => {
    const { datasource, paths } = await serve();
    const one = probes();
    await Promise.all([one.of(datasource), one.of(datasource)]);
    await one.of(datasource);
    expect(paths.sort()).toEqual(['buildinfo', 'query', 'read']);
  });

  it('fails while the datasource cannot be reached, and asks again', async () => {
    const { datasource } = await serve();
    const one = probes();
    await expect(one.of({ ...datasource, url: 'http://127.0.0.1:1' })).rejects.toMatchObject({ failure: 'unreachable' });
    expect(await one.of(datasource)).toMatchObject({ used: 'chunks' });
  });

  it("stops waiting with the caller's signal", async () => {
    const { datasource } = await serve({ read: () => undefined });
    await expect(probes().of(datasource, AbortSignal.timeout(50))).rejects.toThrow();
  });
});

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
