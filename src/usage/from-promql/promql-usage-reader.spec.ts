import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exampleCapabilities, exampleContainer, exampleDatasource } from '../../../test/examples.js';
import type { Datasource } from '../../datasource/datasource.js';
import { DatasourceClient, type PrometheusSeries } from '../../datasource/datasource-client.js';
import { DatasourceHttp } from '../../datasource/datasource-http.js';
import type { Experiment } from '../../experiments/experiment.js';
import { MetricProfiles } from '../../profiles/metric-profile.js';
import { readSettings } from '../../settings/read-settings.js';
import { TableDraft } from '../table-draft.js';
import type { UsageQuestion } from '../usage-questions.js';
import type { UsageRequest } from '../usage-reader.js';
import type { PlannedQuery } from './plan-usage-queries.js';
import { PlannedQueries } from './planned-queries.js';
import { fillUsageTables, PromqlUsageReader } from './promql-usage-reader.js';

const grid = { endSeconds: 1800, stepSeconds: 900, rows: 3 };
const experiment = (workload: string) => exampleContainer({ name: workload, workload });
const experiments = ['web', 'api'].map((name, index) => ({ experiment: experiment(name), index }));
const usage: UsageQuestion = { variable: 'cpuUsage', function: 'max', column: 'cpuUsage.max' };
const keys = {
  workload: [
    { label: 'namespace', member: 'namespace' },
    { label: 'container', member: 'container' },
    { label: 'workload', member: 'workload' },
    { label: 'workload_type', member: 'workloadType' },
  ],
  container: [
    { label: 'namespace', member: 'namespace' },
    { label: 'container', member: 'container' },
  ],
} as const;

const planned = (question = usage, scope: keyof typeof keys = 'workload'): PlannedQuery => ({
  question,
  query: 'x',
  experiments,
  keyLabels: keys[scope],
  samplesPerInstant: 1,
});
const series = (workload: string, samples: [number, string][], labels = {}): PrometheusSeries => ({
  labels: { namespace: 'shop', container: 'app', workload, workload_type: 'deployment', ...labels },
  samples,
});

function fill(...results: [PlannedQuery, PrometheusSeries[]][]) {
  const drafts = experiments.map(() => new TableDraft(grid));
  for (const [query, result] of results) fillUsageTables(drafts, query, result);
  return drafts.map((draft) => draft.finish());
}

describe('fillUsageTables', () => {
  it('writes each series into the table of its experiment', () => {
    const [web, api] = fill([planned(), [series('web', [[0, '1'], [1800, '3']]), series('api', [[900, '0.5']])]]); // biome-ignore format: one result, one line
    expect(web!.columns['cpuUsage.max']).toEqual(Float64Array.of(1, Number.NaN, 3));
    expect(web!.present).toEqual(Uint8Array.of(1, 0, 1));
    expect(api!.columns['cpuUsage.max']).toEqual(Float64Array.of(Number.NaN, 0.5, Number.NaN));
    expect(api!.present).toEqual(Uint8Array.of(0, 1, 0));
  });

  it('gives same-named containers of a namespace the same values in scope container', () => {
    const [web, api] = fill([planned(usage, 'container'), [series('', [[0, '1']])]]);
    expect(web).toEqual(api);
    expect(web!.columns['cpuUsage.max']![0]).toBe(1);
  });

  it('leaves out columns without samples and series of other workloads', () => {
    const [web] = fill([planned(), [series('other', [[0, '1']]), series('web', [[0, '1']], { workload_type: 'statefulset' })]]);
    expect(web!.columns).toEqual({});
    expect(web!.present).toEqual(new Uint8Array(3));
  });

  it.each(['NaN', '+Inf', '-Inf'])('treats %s as missing: it makes no interval', (text) => {
    const [web] = fill([planned(), [series('web', [[0, text]])]]);
    expect(web!.columns).toEqual({});
    expect(web!.present).toEqual(new Uint8Array(3));
  });

  it('reads the first of several series', () => {
    const [web] = fill([planned(), [series('web', [[0, '1']]), series('web', [[0, '2'], [900, '2']], { extra: 'x' })]]); // biome-ignore format: one result, one line
    expect(web!.columns['cpuUsage.max']).toEqual(Float64Array.of(1, Number.NaN, Number.NaN));
  });

  it('ignores samples off the grid', () => {
    const [web] = fill([planned(), [series('web', [[-900, '1'], [450, '1'], [2700, '1']])]]); // biome-ignore format: one result, one line
    expect(web!.present).toEqual(new Uint8Array(3));
  });

  it('makes intervals of the instants of all metrics together', () => {
    const request: UsageQuestion = { variable: 'cpuRequest', function: 'avg', column: 'cpuRequest.avg' };
    const [web] = fill([planned(), [series('web', [[0, '1']])]], [planned(request), [series('web', [[900, '2']])]]);
    expect(web!.present).toEqual(Uint8Array.of(1, 1, 0));
  });

  it('takes instants and labels, not values, of JVM series and prefers jvm_info over jvm_info_total', () => {
    const info: UsageQuestion = { variable: 'jvmInfo', function: 'sum' };
    const total: UsageQuestion = { variable: 'jvmInfoTotal', function: 'sum' };
    const labels = (version: string) => ({ runtime: 'R', vendor: 'V', version });
    const ofInfo: [PlannedQuery, PrometheusSeries[]] = [planned(info), [series('web', [[0, '1']], labels('17'))]];
    const ofTotal: [PlannedQuery, PrometheusSeries[]] = [planned(total), [series('web', [[900, '1']], labels('21'))]];
    for (const results of [
      [ofInfo, ofTotal],
      [ofTotal, ofInfo],
    ]) {
      // biome-ignore format: both orders
      const [web, api] = fill(...results);
      expect(web).toMatchObject({ columns: {}, present: Uint8Array.of(1, 1, 0), jvm: labels('17') });
      expect(api!.jvm).toBeUndefined();
    }
  });
});

/** Responds to a query: values of the experiment's series, to which its labels are added, or an error. */
type Responder = (query: string) => { values?: [number, string][]; labels?: object; warnings?: string[]; status?: number; error?: string };

const settings = readSettings({ DATASOURCE_RETRY_MS: '0', USAGE_SCOPE: 'workload' });
const labels = { namespace: 'shop', container: 'app', workload: 'web', workload_type: 'deployment' };
const webApp = exampleContainer();

const http = new DatasourceHttp(settings);
const servers: Server[] = [];
let requests: { path: string; query: string }[] = [];
beforeEach(() => {
  requests = [];
});
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
afterAll(() => http.close());

/** Starts a server with Prometheus' HTTP API that responds with `respond`. */
async function serve(respond: Responder): Promise<Datasource> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const query = new URLSearchParams(body).get('query')!;
    requests.push({ path: request.url!, query });
    const { values, warnings, status = 200, error, labels: more } = respond(query);
    const isRange = request.url!.endsWith('query_range');
    const series = values && { metric: { ...labels, ...more }, ...(isRange ? { values } : { value: values[0] }) };
    const data = { resultType: isRange ? 'matrix' : 'vector', result: series ? [series] : [] };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(error ? { status: 'error', errorType: 'x', error } : { status: 'success', data, warnings }));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  servers.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return exampleDatasource({ name: 'prometheus-1', url });
}

async function read(respond: Responder, over: Partial<UsageRequest> = {}, signal?: AbortSignal, profiles = new MetricProfiles(settings)) {
  const reader = new PromqlUsageReader(new PlannedQueries(new DatasourceClient(http)), profiles, settings);
  const capabilities = exampleCapabilities({ used: 'promql' });
  const request = {
    capabilities,
    metricProfile: 'resource-optimization-local-monitoring',
    experiments: [webApp],
    dropsInactive: false,
    ...over,
  };
  return reader.read({ endSeconds: 1800, stepSeconds: 900, rows: 3, datasource: await serve(respond), ...request }, signal);
}

const hotspot = { runtime: 'OpenJDK Runtime Environment', vendor: 'Eclipse Adoptium', version: '17.0.2' };

/** The shipped profile without any `layers_required`, under another name. */
function profilesWithoutLayers(): { profiles: MetricProfiles; name: string } {
  const name = 'without-layers';
  const shipped = new MetricProfiles({}).find('resource-optimization-local-monitoring')!;
  const function_variables = [...shipped.variables.values()].map((variable) => ({
    name: variable.name,
    kubernetes_object: variable.kubernetesObject,
    aggregation_functions: Object.entries(variable.queries).map(([key, query]) => ({ function: key, query })),
  }));
  const folder = mkdtempSync(join(tmpdir(), 'rightsizer-'));
  mkdirSync(join(folder, 'metric-profiles'));
  writeFileSync(join(folder, 'metric-profiles', 'own.json'), JSON.stringify({ metadata: { name }, slo: { function_variables } }));
  const profiles = new MetricProfiles({ CONFIG_DIR: folder });
  rmSync(folder, { recursive: true });
  return { profiles, name };
}

const requestsOnly: Responder = (query) => (query.includes('resource_requests') ? { values: [[1800, '0.5']] } : {});

describe('PromqlUsageReader', () => {
  it('fills one table per experiment with 20 queries, one for accelerators, and a probe for each of the rare ones', async () => {
    const [table] = await read(() => ({ values: [[900, '2'], [1800, '3']] })); // biome-ignore format: one result, one line
    expect(requests).toHaveLength(24);
    expect(Object.keys(table!.columns)).toHaveLength(18);
    expect(table).toMatchObject({ endSeconds: 1800, stepSeconds: 900, length: 3, present: Uint8Array.of(0, 1, 1) });
    expect(table!.columns['memoryRSS.max']).toEqual(Float64Array.of(Number.NaN, 2, 3));
  });

  it('empties the table of a container after a query showed that it had no activity', async () => {
    const [table] = await read(requestsOnly, { dropsInactive: true });
    expect(requests.filter(({ path }) => path === '/api/v1/query').map(({ query }) => query)).toEqual([expect.stringContaining('[15d]')]);
    expect(table!.columns).toEqual({});
    expect(table!.present).toEqual(new Uint8Array(3));
  });

  it('keeps the table of a container whose CPU is idle now but was active before', async () => {
    const [table] = await read((query) => (query.includes('[15d]') ? { values: [[1800, '9']] } : requestsOnly(query)), {
      dropsInactive: true,
    });
    expect(table!.present).toEqual(Uint8Array.of(0, 0, 1));
  });

  it.each([
    ['the request has an end', { dropsInactive: false }, requestsOnly],
    ['CPU is active', { dropsInactive: true }, () => ({ values: [[1800, '1']] }) as ReturnType<Responder>],
  ])('does not query activity if %s', async (_, over, respond) => {
    await read(respond, over);
    expect(requests.filter(({ path }) => path === '/api/v1/query')).toEqual([]);
  });

  it('queries core usage if the probe finds a supported accelerator, and attaches both', async () => {
    const gpu = { exported_namespace: 'shop', exported_container: 'app', modelName: 'NVIDIA-A100-SXM4-40GB' };
    const [table] = await read((query) => ({ values: [[1800, '40']], ...(query.includes('DCGM') && { labels: gpu }) }));
    expect(table!.acceleratorModel).toBe('NVIDIA-A100-SXM4-40GB');
    expect(table!.columns['acceleratorCoreUsage.max']![2]).toBe(40);
    expect(table!.columns['acceleratorMemoryUsage.max']![2]).toBe(40);
    expect(requests.filter(({ query }) => query.includes('DCGM'))).toHaveLength(3);
  });

  it('probes for accelerators without joining pods to workloads, which would be expensive', async () => {
    await read(requestsOnly);
    const probes = requests.filter(({ query }) => query.includes('DCGM'));
    expect(probes.map(({ query }) => query)).toEqual([expect.not.stringContaining('kube_pod_owner')]);
  });

  it.each(['jvm_info', 'jvm_info_total'])('sends no joined query for %s if its probe is empty', async (name) => {
    await read(requestsOnly);
    expect(requests.filter(({ query }) => query.includes(`${name}{`)).map(({ query }) => query)).toEqual([
      expect.not.stringContaining('kube_pod_owner'),
    ]);
  });

  it('sends one joined query for jvm_info if its probe finds series, and fills the table with the result', async () => {
    const [table] = await read((query) => (query.includes('jvm_info{') ? { values: [[900, '1']], labels: hotspot } : requestsOnly(query)));
    const [probe, question, ...more] = requests.filter(({ query }) => query.includes('jvm_info{')).map(({ query }) => query);
    expect(probe).not.toContain('kube_pod_owner');
    expect(question).toContain('kube_pod_owner');
    expect(more).toEqual([]);
    expect(table!.jvm).toEqual(hotspot);
    expect(table!.present).toEqual(Uint8Array.of(0, 1, 1));
  });

  it.each<[string, Responder]>([
    ['with a JVM', (query) => (query.includes('jvm_info') ? { values: [[0, '1']], labels: hotspot } : requestsOnly(query))],
    ['without one', requestsOnly],
  ])('gives the same table for a container %s if the profile does not name layers', async (_, respond) => {
    const { profiles, name } = profilesWithoutLayers();
    expect(await read(respond)).toEqual(await read(respond, { metricProfile: name }, undefined, profiles));
  });

  it.each([
    ['too-large', { status: 422, error: 'query processing would load too many samples into memory in query execution' }],
    ['unavailable', { status: 503, error: 'down' }],
    ['unavailable', { warnings: ['error reading from server'] }],
    ['too-many-requests', { warnings: ['Please reduce your request rate.'] }],
  ])('fails as %s if one query does, and stops the others', async (failure, failedResponse) => {
    const respond: Responder = (query) => (query.includes('memory_rss') ? failedResponse : { values: [[1800, '1']] });
    await expect(read(respond)).rejects.toMatchObject({ name: 'DatasourceError', failure });
  });

  it('continues with a partial response', async () => {
    const [table] = await read(() => ({ values: [[1800, '1']], warnings: ['a store is away'] }));
    expect(table!.present).toEqual(Uint8Array.of(0, 0, 1));
  });

  it("stops with the caller's signal", async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(read(requestsOnly, {}, controller.signal)).rejects.toMatchObject({ failure: 'cancelled' });
  });

  it('queries neither accelerators nor activity for a namespace', async () => {
    const namespace: Experiment = { type: 'namespace', name: 'n', datasource: 'd', clusterName: 'c', pods: 1, namespace: 'shop' };
    const [table] = await read(() => ({ values: [[1800, '1']] }), { experiments: [namespace], dropsInactive: true });
    expect(requests).toHaveLength(16);
    expect(Object.keys(table!.columns)).toHaveLength(15);
  });
});
