import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exampleDatasource } from '../../test/examples.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceClient } from '../datasource/datasource-client.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import type { ContainerExperiment, Experiment } from '../experiments/experiment.js';
import { Layers } from '../profiles/layer.js';
import { readSettings } from '../settings/read-settings.js';
import type { Settings } from '../settings/settings-schema.js';
import { LayerDetector, planPresenceQueries } from './layer-detector.js';

const experiment = (namespace: string, container: string, workload = 'w'): ContainerExperiment => ({
  ...{ type: 'container', name: `${namespace}/${workload}/${container}`, datasource: 'p', clusterName: 'default', pods: 1, image: 'i' },
  ...{ namespace, workload, workloadType: 'deployment', container },
});
const two = [experiment('shop', 'cart'), experiment('bank', 'a"b')];
const both = 'namespace=~"bank|shop", container=~"a\\"b|cart"';

it.each([
  ['jvm_info', `group by (namespace, container) (jvm_info{${both}})`],
  ['jvm_info{}', `group by (namespace, container) (jvm_info{${both}})`],
  ['jvm_info{area="heap",}', `group by (namespace, container) (jvm_info{area="heap", ${both}})`],
  ['{__name__="jvm_info"}', `group by (namespace, container) ({__name__="jvm_info", ${both}})`],
  [
    'a{} * on(namespace, pod) group_left(l) b{l="Quarkus"}',
    `group by (namespace, container) (a{${both}} * on(namespace, pod) group_left(l) b{l="Quarkus"})`,
  ],
])('sends %s once for all containers, with filters in the first selector', (presence, query) => {
  expect(planPresenceQueries(presence, two)).toEqual([{ query, experiments: two, hasNameLabels: true }]);
});

it.each(['sum(jvm_info)', 'absent(jvm_info)', 'count by (pod) (jvm_info{a="b"})'])(
  'sends %s once per container name, because its result has no names',
  (presence) => {
    const [first, again, other] = [experiment('shop', 'cart', 'one'), experiment('shop', 'cart', 'two'), experiment('bank', 'cart')];

    const planned = planPresenceQueries(presence, [first, other, again]);

    expect(planned.map(({ experiments, hasNameLabels }) => ({ experiments, hasNameLabels }))).toEqual([
      { experiments: [first, again], hasNameLabels: false },
      { experiments: [other], hasNameLabels: false },
    ]);
    expect(planned[0]!.query).toContain('namespace="shop", container="cart"}');
  },
);

it('plans no query without containers', () => {
  expect(planPresenceQueries('jvm_info', [])).toEqual([]);
});

type Response = { series?: object[]; status?: number };

const settings = readSettings({ DATASOURCE_RETRY_MS: '0', LAYERS: 'container,hotspot,quarkus' });
const http = new DatasourceHttp(settings);
let server: Server | undefined;
let queries: string[] = [];
afterEach(() => server?.closeAllConnections());
afterEach(() => server?.close());
afterAll(() => http.close());

/** A server that speaks Prometheus' HTTP API. */
async function serve(respond: (query: string) => Response): Promise<Datasource> {
  queries = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const query = new URLSearchParams(body).get('query')!;
    queries.push(query);
    const { series = [], status = 200 } = respond(query);
    const result = series.map((metric) => ({ metric, value: [1, '1'] }));
    const success = { status: 'success', data: { resultType: 'vector', result } };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? success : { status: 'error', errorType: 'bad_data', error: 'no' }));
  });
  await new Promise<void>((done) => server!.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return exampleDatasource({ name: 'prometheus-1', url });
}

const base = { name: 'n', datasource: 'd', clusterName: 'c', pods: 1, namespace: 'shop' };
const container = (name: string, workload = 'w'): Experiment => ({
  ...base,
  type: 'container',
  workload,
  workloadType: 'deployment',
  container: name,
  image: 'i',
});
const experiments: Experiment[] = [container('cart'), { ...base, type: 'namespace' }, container('till')];
const detector = (layers: Layers, scope: Settings['USAGE_SCOPE'] = 'workload') =>
  new LayerDetector(new DatasourceClient(http), layers, { USAGE_SCOPE: scope });

it('finds the layers of each container with one query per presence query', async () => {
  const datasource = await serve((query) => ({
    series: query.includes('id=~"Old.+"')
      ? [
          { namespace: 'shop', container: 'till' },
          { namespace: 'other', container: 'cart' },
        ]
      : [],
  }));

  const found = await detector(new Layers(settings)).detect({ datasource, experiments, atSeconds: 1 });

  expect(found).toEqual([['container'], [], ['container', 'hotspot']]);
  expect(queries).toHaveLength(7);
});

it('treats a rejected query as empty', async () => {
  const datasource = await serve((query) =>
    query.includes('Old') ? { status: 400 } : { series: [{ namespace: 'shop', container: 'cart' }] },
  );

  const found = await detector(new Layers(settings)).detect({ datasource, experiments, atSeconds: 1 });

  expect(found[0]).toEqual(['container', 'hotspot', 'quarkus']);
});

it('fails if the datasource fails: an undetectable layer is not absent', async () => {
  const datasource = await serve(() => ({ status: 503 }));

  const detection = detector(new Layers(settings)).detect({ datasource, experiments, atSeconds: 1 });

  await expect(detection).rejects.toMatchObject({ failure: 'unavailable' });
});

it('sends no query if no layer is registered', async () => {
  const datasource = await serve(() => ({ series: [{ namespace: 'shop', container: 'cart' }] }));

  expect(await detector(new Layers({ ...settings, LAYERS: [] })).detect({ datasource, experiments, atSeconds: 1 })).toEqual([[], [], []]);
  expect(queries).toEqual([]);
});

describe('if two workloads have containers of the same name', () => {
  const alike = [container('app', 'cart'), container('app', 'till'), container('proxy', 'cart')];
  const app = { namespace: 'shop', container: 'app' };
  const replicaSets = ['cart', 'till'].map((name) => ({
    namespace: 'shop',
    replicaset: `${name}-1`,
    owner_kind: 'Deployment',
    owner_name: name,
  }));
  const podOwners = ['cart', 'till'].map((name) => ({
    ...{ namespace: 'shop', pod: `${name}-1-a` },
    ...{ owner_kind: 'ReplicaSet', owner_name: `${name}-1` },
  }));
  const owners: Readonly<Record<string, object[]>> = {
    'namespace_workload_pod:kube_pod_owner:relabel': ['cart', 'till', 'desk'].map((workload) => ({
      ...{ namespace: 'shop', pod: `${workload}-1-a` },
      ...{ workload, workload_type: 'deployment' },
    })),
    kube_replicaset_owner: replicaSets,
    kube_pod_owner: podOwners,
  };

  /** A datasource in which only the given pods have a JVM, with the given metrics of owners. */
  const jvmIn = (pods: string[], known: readonly string[]) =>
    serve((query) => {
      const metric = known.find((name) => query.includes(`(${name}{`));
      if (metric) return { series: owners[metric]! };
      if (!query.includes('jvm_memory_used_bytes')) return { series: [] };
      return { series: query.includes(', pod)') ? pods.map((pod) => ({ ...app, pod })) : pods.slice(0, 1).map(() => app) };
    });
  const jvm = (scope?: Settings['USAGE_SCOPE']) => detector(new Layers({ ...settings, LAYERS: ['hotspot'] }), scope);
  const rule = ['namespace_workload_pod:kube_pod_owner:relabel'];
  const kubeState = ['kube_replicaset_owner', 'kube_pod_owner'];

  it.each([
    ['the recording rule', ['till-1-a'], rule, [[], ['hotspot'], []]],
    ['kube-state-metrics', ['till-1-a'], kubeState, [[], ['hotspot'], []]],
    ['both pods', ['till-1-a', 'cart-1-a'], rule, [['hotspot'], ['hotspot'], []]],
    ['nothing, so that all containers of the name count', ['till-1-a'], [], [['hotspot'], ['hotspot'], []]],
    ['the rule, for a pod of a third workload', ['desk-1-a'], rule, [[], [], []]],
    ['the rule, for a pod without a workload', ['lost-1-a'], rule, [[], [], []]],
    ['series without a pod, so that all containers of the name count', [''], rule, [['hotspot'], ['hotspot'], []]],
  ])('finds the owner of the layer by %s', async (_, pods, known, layers) => {
    expect(await jvm().detect({ datasource: await jvmIn(pods, known), experiments: alike, atSeconds: 1 })).toEqual(layers);
  });

  it('queries owners once, and pods only if the layer was seen', async () => {
    await jvm().detect({ datasource: await jvmIn(['till-1-a'], rule), experiments: alike, atSeconds: 1 });

    const sightings = queries.filter((query) => query.startsWith('group by (namespace, container) ('));
    expect(queries.filter((query) => query.includes('kube_pod_owner'))).toHaveLength(1);
    expect(queries.filter((query) => query.startsWith('group by (namespace, container, pod)'))).toHaveLength(sightings.length);
  });

  it.each([
    ['the layer is absent', jvm(), [], alike],
    ['no name is shared', jvm(), ['cart-1-a'], [alike[0]!, alike[2]!]],
    ['usage is merged by name', jvm('container'), ['cart-1-a'], alike],
  ])('sends no more queries if %s', async (_, one, pods, requested) => {
    const datasource = await jvmIn(pods, rule);

    await one.detect({ datasource, experiments: requested, atSeconds: 1 });

    expect(queries.filter((query) => /pod/.test(query))).toEqual([]);
  });

  it('checks pods for a single container if others may share its name', async () => {
    const request = { datasource: await jvmIn(['till-1-a'], rule), experiments: [alike[0]!], atSeconds: 1, mayShareNames: true };

    expect(await jvm().detect(request)).toEqual([[]]);
  });

  it('sends an aggregating query separately for the pods of each workload', async () => {
    const datasource = await serve((query) => {
      if (query.includes('kube_pod_owner')) return { series: owners[rule[0]!]! };
      return { series: query.includes('pod="till-1-a"') ? [{}] : [] };
    });
    const layers = { registered: [{ name: 'hotspot', presence: ['sum(up)'] }] } as const;

    const found = await detector(layers).detect({ datasource, experiments: alike, atSeconds: 1 });

    expect(found).toEqual([[], ['hotspot'], []]);
    expect(queries.filter((query) => query.includes('sum(up')).sort()).toEqual([
      'group(sum(up{namespace="shop", container="app", pod="cart-1-a"}))',
      'group(sum(up{namespace="shop", container="app", pod="till-1-a"}))',
      'group(sum(up{namespace="shop", container="proxy"}))',
    ]);
  });
});
