import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { experimentsOf, postBulk, startJob, waitForEnd } from './jobs.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { runCommand } from './servers/run-command.js';
import { type Service, startService } from './servers/service.js';
import { makeTempFolder, removeTempFolder } from './servers/temp-folder.js';
import { type SmallContainer, smallCluster } from './small-cluster.js';

const mib = 1024 ** 2;
const endSeconds = Date.parse('2026-11-21T03:30:00Z') / 1000;
const end = '2026-11-21T03:30:00Z';
const span = { endSeconds, hours: 6, stepSeconds: 120 };

/** pod-0 runs a JVM, was OOM-killed at 300 MiB two hours before the end, and is scaled on CPU. None of this applies to pod-1 and pod-2; pod-2 has the same namespace and container name. */
const containers: readonly SmallContainer[] = [
  { namespace: 'shop', workload: 'cart', container: 'app', cpuCores: 0.5, memoryBytes: 200 * mib },
  { namespace: 'bank', workload: 'till', container: 'app', cpuCores: 0.25, memoryBytes: 100 * mib },
  { namespace: 'shop', workload: 'desk', container: 'app', cpuCores: 0.25, memoryBytes: 100 * mib },
];
const killedAt = endSeconds - 2 * 3600;
const cart = 'namespace="shop",pod="pod-0",container="app"';
const scaler = 'namespace="shop",horizontalpodautoscaler="cart"';

/** Series by name and labels. `from`: the time of the first sample, if it is not the start. */
const more: readonly (readonly [family: string, type: string, series: string, value: (at: number) => number, from?: number])[] = [
  ['kube_pod_container_resource_requests', 'gauge', `kube_pod_container_resource_requests{${cart},resource="cpu",unit="core"}`, () => 0.25],
  [
    'kube_pod_container_resource_limits',
    'gauge',
    `kube_pod_container_resource_limits{${cart},resource="memory",unit="byte"}`,
    () => 300 * mib,
  ],
  ['kube_pod_container_status_restarts', 'counter', `kube_pod_container_status_restarts_total{${cart}}`, (at) => (at >= killedAt ? 1 : 0)],
  [
    'kube_pod_container_status_last_terminated_reason',
    'gauge',
    `kube_pod_container_status_last_terminated_reason{${cart},reason="OOMKilled"}`,
    () => 1,
    killedAt,
  ],
  [
    'kube_horizontalpodautoscaler_info',
    'gauge',
    `kube_horizontalpodautoscaler_info{${scaler},scaletargetref_kind="Deployment",scaletargetref_name="cart"}`,
    () => 1,
  ],
  [
    'kube_horizontalpodautoscaler_spec_target_metric',
    'gauge',
    `kube_horizontalpodautoscaler_spec_target_metric{${scaler},metric_name="cpu",metric_target_type="utilization"}`,
    () => 80,
  ],
  ['jvm_memory_used_bytes', 'gauge', `jvm_memory_used_bytes{${cart},area="heap",id="G1 Eden Space"}`, () => 5 * mib],
  ['jvm', 'info', `jvm_info{${cart},runtime="OpenJDK Runtime Environment",vendor="Eclipse Adoptium",version="17.0.2"}`, () => 1],
];

function openMetrics(): string {
  const instants = Array.from(
    { length: (span.hours * 3600) / span.stepSeconds },
    (_, index) => endSeconds - index * span.stepSeconds,
  ).reverse();
  const lines = more.flatMap(([family, type, series, value, from = 0]) => [
    `# TYPE ${family} ${type}`,
    ...instants.filter((at) => at >= from).map((at) => `${series} ${value(at)} ${at}`),
  ]);
  return smallCluster(containers, span).replace(/# EOF\n$/, `${lines.join('\n')}\n# EOF\n`);
}

let folder: string;
let prometheus: PrometheusServer;
let postgres: PostgresServer;
let service: Service;

beforeAll(async () => {
  folder = makeTempFolder('extras');
  const file = join(folder, 'metrics.om');
  writeFileSync(file, openMetrics());
  [prometheus, postgres] = await Promise.all([startPrometheus({ openMetrics: [file] }), startPostgres()]);
  const env = { PROMETHEUS_URL: prometheus.url, DATABASE_URL: await postgres.createDatabase() };
  service = await startService({ env: { ...env, LAYERS: 'container,hotspot,semeru,quarkus' } });
});

afterAll(async () => {
  await service?.stop();
  await Promise.all([prometheus?.stop(), postgres?.stop()]);
  removeTempFolder(folder);
});

interface Engine {
  readonly confidence_level: number;
  readonly config: {
    readonly requests?: Record<string, { readonly amount: number }>;
    readonly limits?: Record<string, { readonly amount: number }>;
    readonly env?: readonly { readonly name: string; readonly value: string }[];
  };
  readonly notifications: Record<string, object>;
}

/** The cost model of the short term, from a generateRecommendations array. */
function costIn(response: unknown): Engine {
  const text = JSON.stringify(response);
  const [{ kubernetes_objects }] = JSON.parse(text) as [{ kubernetes_objects: { containers: { recommendations: { data: object } }[] }[] }];
  const [instant] = Object.values(kubernetes_objects[0]!.containers[0]!.recommendations.data) as [
    { recommendation_terms: { short_term: { recommendation_engines: { cost: Engine } } } },
  ];
  return instant.recommendation_terms.short_term.recommendation_engines.cost;
}

/** Runs a job and returns the cost models of cart, till and desk. */
async function costsOf(request: object): Promise<{ cart: Engine; till: Engine; desk: Engine }> {
  const jobId = await startJob(service.url, { time_range: { end }, ...request });
  expect((await waitForEnd(service.url, jobId)).status).toBe('COMPLETED');
  const experiments = await experimentsOf(service.url, jobId);
  const cost = (workload: string) =>
    costIn(Object.values(experiments).find(({ name }) => name.includes(workload))!.apis.recommendations.response);
  return { cart: cost('cart(deployment)'), till: cost('till(deployment)'), desk: cost('desk(deployment)') };
}

describe('layers', () => {
  it('recommend JVM options for the JVM, and nothing for other containers, even of the same namespace and name', async () => {
    const { cart, till, desk } = await costsOf({});

    const value = '-XX:MaxRAMPercentage=50.0 -XX:+UseSerialGC ';
    expect(cart.config.env).toEqual([
      { name: 'JDK_JAVA_OPTIONS', value },
      { name: 'JAVA_OPTIONS', value },
    ]);
    expect([till.config.env, desk.config.env]).toEqual([undefined, undefined]);
    expect([cart.notifications, till.notifications].map((codes) => '112104' in codes)).toEqual([true, false]);
  });

  it('prevent the start if the setting names an unknown layer', async () => {
    const start = startService({ env: { LAYERS: 'hotspot,ruby', DATABASE_URL: await postgres.createDatabase() }, until: 'listening' });

    await expect(start).rejects.toThrow(/LAYERS: ruby: no file of CONFIG_DIR\/layers has this layer_name/);
  });
});

describe('extras', () => {
  it('raise the memory of an OOM-killed container, keep the request of a scaled one, and report the confidence', async () => {
    const plain = await costsOf({});
    const { cart, till } = await costsOf({ recommendation_settings: { oom: true, hpa: 'keep', confidence: true } });

    const memory = cart.config.requests!.memory!.amount;
    expect(plain.cart.config.requests!.memory!.amount).toBe(200 * mib);
    expect(memory).toBeGreaterThan(300 * mib);
    expect(memory).toBeLessThanOrEqual(360 * mib);
    expect(cart.config.requests!.cpu!.amount).toBe(0.25);
    expect(cart.config.limits!.cpu!.amount).toBe(plain.cart.config.limits!.cpu!.amount);
    expect(Object.keys(cart.notifications)).toEqual(expect.arrayContaining(['199001', '393004', '594001']));
    expect(cart.confidence_level).toBeCloseTo(24 / 96, 2);
    expect({ ...till, confidence_level: 0, notifications: plain.till.notifications }).toEqual(plain.till);
  });

  it('reject an invalid request and name the field', async () => {
    const { status, body } = await postBulk(service.url, { recommendation_settings: { hpa: 'sometimes' } });

    expect(status).toBe(400);
    expect(body.message).toContain('recommendation_settings.hpa');
  });
});

describe('rightsizer usage', () => {
  const command = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
  const env = { ...process.env, NODE_OPTIONS: '', LAYERS: 'container,hotspot,semeru,quarkus' };
  let file: string;

  beforeAll(async () => {
    file = join(mkdtempSync(join(folder, 'usage-')), 'cart.json');
    const from = ['--datasource-url', prometheus.url, '--end', end, '--output', file];
    await runCommand(process.execPath, [command, 'usage', 'shop/deployment/cart/app', ...from], { env });
  });

  it.each([
    ['the same as the service', {}],
    ['the same as the service with every extra', { recommendation_settings: { oom: true, hpa: 'keep', confidence: true } }],
  ])('saves a file from which rightsizer recommend computes %s', async (_, request) => {
    const requested = join(mkdtempSync(join(folder, 'requested-')), 'cart.json');
    writeFileSync(requested, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...request }));

    const line = await runCommand(process.execPath, [command, 'recommend', requested], { env });

    expect(costIn(JSON.parse(line))).toEqual((await costsOf(request)).cart);
  });

  it('saves no layer of another workload with the same container name', async () => {
    const text = await runCommand(
      process.execPath,
      [command, 'usage', 'shop/deployment/desk/app', '--datasource-url', prometheus.url, '--end', end],
      {
        env,
      },
    );

    expect(JSON.parse(text)).toMatchObject({ workload: 'desk', layers: ['container'] });
  });

  it.each(['chunks', 'promql'])(
    'saves the same file if the datasource is read by %s, except for the series count, which PromQL lacks',
    async (reader) => {
      const datasources = join(mkdtempSync(join(folder, 'datasources-')), 'datasources.yaml');
      const entry = { name: 'one', provider: 'prometheus', url: prometheus.url, usage_reader: reader };
      writeFileSync(datasources, JSON.stringify({ datasource: [entry] }));

      const text = await runCommand(process.execPath, [command, 'usage', 'shop/deployment/cart/app', '--end', end], {
        env: { ...env, DATASOURCES_FILE: datasources },
      });

      const { series, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as { series: Record<string, unknown> };
      const { 'cpuUsage.count': counts, ...others } = series;
      expect(counts).toBeDefined();
      expect(JSON.parse(text)).toEqual({ ...rest, series: reader === 'chunks' ? series : others });
    },
  );
});
