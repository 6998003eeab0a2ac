import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CollectedRecord, collectRecords, type RecordCollector, topics } from './collect-records.js';
import { faultsOfRecords } from './job-records.js';
import { experimentsOf, getBulk, nextPageOf, type ShownExperiment, startJob, waitForEnd } from './jobs.js';
import { type KafkaServer, startKafka } from './servers/kafka.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';
import { makeTempFolder, removeTempFolder } from './servers/temp-folder.js';
import { type SmallContainer, smallCluster } from './small-cluster.js';

const mib = 1024 ** 2;
const endSeconds = Date.parse('2026-11-21T03:30:00Z') / 1000;
const time_range = { start: '2026-11-20T21:30:00Z', end: '2026-11-21T03:30:00Z' };
const long = (letter: string) => letter.repeat(253);
const awkward = 'a"b\\c\nd{e}=,|$&%namespace%\t';

/** Each container has its own usage, so that recommendations identify it. */
const containers: readonly SmallContainer[] = [
  { namespace: long('n'), workload: long('w'), container: long('c'), cpuCores: 0.11, memoryBytes: 110 * mib },
  { namespace: 'ünï-😀', workload: 'wörk', container: '集装箱', image: 'reg.example/ß:1', cpuCores: 0.12, memoryBytes: 120 * mib },
  { namespace: awkward, workload: `w${awkward}`, container: `c${awkward}`, image: `i${awkward}`, cpuCores: 0.13, memoryBytes: 130 * mib },
  { namespace: '.*', workload: '(.+)', container: '[a-z]?', cpuCores: 0.14, memoryBytes: 140 * mib },
  { namespace: long('😀'), workload: long('😀'), container: `${long('😀')}a`, cpuCores: 0.15, memoryBytes: 150 * mib },
  { namespace: long('😀'), workload: long('😀'), container: `${long('😀')}b`, cpuCores: 0.16, memoryBytes: 160 * mib },
  { namespace: '__proto__', workload: 'constructor', container: 'toString', cpuCores: 0.17, memoryBytes: 170 * mib },
  { namespace: 'twins', workload: 'one', container: 'app', cpuCores: 0.2, memoryBytes: 200 * mib, labels: { team: 'red', tier: 'a' } },
  { namespace: 'twins', workload: 'two', container: 'app', cpuCores: 0.4, memoryBytes: 400 * mib, labels: { team: 'blue', tier: 'a' } },
  { namespace: 'kinds', workload: 'same', workloadType: 'deployment', container: 'app', cpuCores: 0.21, memoryBytes: 210 * mib },
  { namespace: 'kinds', workload: 'same', workloadType: 'statefulset', container: 'app', cpuCores: 0.22, memoryBytes: 220 * mib },
  {
    namespace: 'images',
    workload: 'rolled',
    container: 'app',
    image: [
      ['app:z-old', 6],
      ['app:middle', 4],
      ['app:a-new', 0.6],
    ],
    cpuCores: 0.31,
    memoryBytes: 310 * mib,
  },
];

const nameOf = ({ namespace, workload, workloadType = 'deployment', container }: SmallContainer) =>
  `prometheus-1|default|${namespace}|${workload}(${workloadType})|${container}`;
/** Containers whose names fit the index; those of the emoji containers are shortened. */
const plain = containers.filter((container) => Buffer.byteLength(nameOf(container)) <= 2_500);

let folder: string;
let prometheus: PrometheusServer;
let kafka: KafkaServer;
let postgres: PostgresServer;

beforeAll(async () => {
  folder = makeTempFolder('names');
  const file = join(folder, 'metrics.om');
  writeFileSync(file, smallCluster(containers, { endSeconds, hours: 6, stepSeconds: 120 }));
  [prometheus, kafka, postgres] = await Promise.all([startPrometheus({ openMetrics: [file] }), startKafka(), startPostgres()]);
});

afterAll(async () => {
  await Promise.all([prometheus?.stop(), kafka?.stop(), postgres?.stop()]);
  removeTempFolder(folder);
});

async function start(env: Record<string, string> = {}): Promise<Service> {
  return startService({
    env: {
      PROMETHEUS_URL: prometheus.url,
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
      DATABASE_URL: await postgres.createDatabase(),
      SHARD_SIZE: '5',
      ...env,
    },
  });
}

/** The checked part of a generateRecommendations array. */
interface Sized {
  readonly kubernetes_objects: readonly {
    readonly containers: readonly { readonly recommendations: { readonly data: Record<string, Instant> } }[];
  }[];
}
interface Instant {
  readonly recommendation_terms: { readonly short_term: { readonly recommendation_engines: { readonly cost: Engine } } };
}
interface Engine {
  readonly pods_count: number;
  readonly config: { readonly requests: Record<'cpu' | 'memory', { readonly amount: number }> };
}

/** Recommendation of the cost model of the short term: cores, bytes, pods. */
function sizedAs(response: unknown): [cpuCores: number, memoryBytes: number, pods: number] {
  const [{ kubernetes_objects }] = response as [Sized];
  const [instant] = Object.values(kubernetes_objects[0]!.containers[0]!.recommendations.data);
  const { config, pods_count } = instant!.recommendation_terms.short_term.recommendation_engines.cost;
  return [config.requests.cpu.amount, config.requests.memory.amount, pods_count];
}

const expectSized = (response: unknown, cpuCores: number, memoryBytes: number, pods: number) => {
  const [cores, bytes, count] = sizedAs(response);
  expect(cores).toBeCloseTo(cpuCores, 9);
  expect(bytes).toBeCloseTo(memoryBytes, 3);
  expect(count).toBe(pods);
};

describe('a cluster with unusual names', () => {
  let service: Service;
  let collector: RecordCollector;
  let jobId: string;
  let experiments: Record<string, ShownExperiment>;
  let records: CollectedRecord[];

  beforeAll(async () => {
    service = await start();
    collector = await collectRecords(kafka.bootstrapServers);
    jobId = await startJob(service.url, { time_range });
    await waitForEnd(service.url, jobId);
    await collector.waitForSummary(jobId);
    experiments = await experimentsOf(service.url, jobId);
    records = collector.ofJob(jobId);
  });

  afterAll(async () => {
    await collector?.stop();
    await service?.stop();
  });

  it('has an experiment per container, with its full name if the index allows it', () => {
    const names = Object.keys(experiments);
    expect(names).toHaveLength(containers.length);
    expect(names.filter((name) => !plain.some((container) => nameOf(container) === name))).toHaveLength(2);
    for (const container of plain) expect(names).toContain(nameOf(container));
  });

  it.each(plain.map((container) => [JSON.stringify(nameOf(container)).slice(0, 80), container] as const))(
    'sizes %s',
    (_name, container) => {
      const shown = experiments[nameOf(container)]!;
      expect(shown.name).toBe(nameOf(container));
      expectSized(shown.apis.recommendations.response, container.cpuCores, container.memoryBytes, 1);
      const { namespace, workload: name, workloadType: type = 'deployment' } = container;
      expect(shown.apis.recommendations.response).toMatchObject([
        { kubernetes_objects: [{ namespace, name, type, containers: [{ container_name: container.container }] }] },
      ]);
    },
  );

  it('shortens names that are too long for the index, and keeps the full definition', () => {
    const shortened = Object.values(experiments).filter(({ name }) => !plain.some((container) => nameOf(container) === name));
    const sized = shortened.map(({ name, apis }) => {
      expect(Buffer.byteLength(name)).toBeLessThan(2_600);
      return sizedAs(apis.recommendations.response)[0];
    });
    expect(sized.sort()).toEqual([0.15, 0.16]);
  });

  it('publishes one record per name, with the name as key', () => {
    expect(faultsOfRecords(records, Object.keys(experiments))).toEqual([]);
    const keyed = records.filter(({ topic }) => topic === topics.recommendations);
    expect(keyed.map(({ key }) => key).sort()).toEqual(Object.keys(experiments).sort());
    for (const { key, value } of keyed) {
      expect(JSON.parse(value).experiments[key!].apis.recommendations).toEqual(experiments[key!]!.apis.recommendations);
    }
  });

  it('would detect a missing or unexpected record', () => {
    expect(faultsOfRecords(records.slice(1), Object.keys(experiments))).toHaveLength(1);
    expect(faultsOfRecords(records, Object.keys(experiments).slice(1))).toHaveLength(1);
  });

  it.each(plain.map((container) => [JSON.stringify(nameOf(container)).slice(0, 80), nameOf(container)]))(
    'finds %s by its exact name',
    async (_shown, name) => {
      const { body } = await getBulk<{ experiments: object }>(service.url, jobId, { include: 'experiments|name', experiment_name: name });
      expect(body.experiments).toEqual({ [name]: { name } });
    },
  );

  it('pages over all experiments', async () => {
    const seen: string[] = [];
    let address: string | undefined = `${service.url}/bulk?job_id=${jobId}&include=experiments|status&limit=5`;
    while (address) {
      const response: Response = await fetch(address);
      seen.push(...Object.keys(((await response.json()) as { experiments: object }).experiments));
      address = nextPageOf(response);
    }
    expect(seen).toEqual(Object.keys(experiments));
  });

  it('shows workloads of the same name separately, with the latest image', async () => {
    const { body } = await getBulk<{ metadata: unknown }>(service.url, jobId, { include: 'metadata' });
    expect(body.metadata).toMatchObject({
      datasources: {
        'prometheus-1': {
          clusters: {
            default: {
              namespaces: {
                kinds: { workloads: { same: { workload_type: 'deployment' }, 'same(statefulset)': { workload_name: 'same' } } },
                images: { workloads: { rolled: { containers: { app: { container_image_name: 'app:a-new' } } } } },
                [awkward]: { namespace: awkward, workloads: { [`w${awkward}`]: { workload_name: `w${awkward}` } } },
              },
            },
          },
        },
      },
    });
    const rolled = experiments['prometheus-1|default|images|rolled(deployment)|app'];
    expect(JSON.stringify(rolled?.apis.create.request)).toContain('"container_image_name":"app:a-new"');
  });

  const found = (...wanted: string[]) => plain.filter(({ namespace, workload }) => wanted.includes(`${namespace}/${workload}`)).map(nameOf);
  const twins = found('twins/one', 'twins/two');
  const kinds = found('kinds/same');
  const images = found('images/rolled');
  it.each<[object, string[]]>([
    [{ include: { namespace: ['twins'] } }, twins],
    [{ include: { namespace: ['twin'] } }, []],
    [{ include: { namespace: ['twin.', 'k[hi]nds|nothing'] } }, [...kinds, ...twins]],
    [{ include: { namespaces: ['t.*'], namespace: [' images '] } }, [...images, ...twins]],
    [{ include: { namespace: ['twins'], workload: ['one|three'] } }, found('twins/one')],
    [{ include: { workload: ['same', 'rolled'] } }, [...images, ...kinds]],
    [{ include: { containers: ['app'] }, exclude: { namespace: ['twins', '.*s'] } }, []],
    [{ include: { containers: ['ap{2}'] }, exclude: { workload: ['(?i)ONE|Same'] } }, [...images, ...found('twins/two')]],
    [{ include: { namespace: ['twins', 'kinds'] }, exclude: { containers: ['a.p'] } }, []],
    [{ include: { namespace: [`\\Q${awkward.trimEnd()}\\E.`] } }, [nameOf(containers[2]!)]],
    [{ include: { namespace: [`\\Q${awkward.trimEnd()}\\E`] } }, []],
    [{ include: { namespace: ['(?s)a"b.*'] } }, [nameOf(containers[2]!)]],
    [{ include: { namespace: ['\\.\\*'] } }, [nameOf(containers[3]!)]],
    [{ include: { namespace: ['ünï-.'] } }, [nameOf(containers[1]!)]],
    [{ include: { labels: { team: 'red' } } }, found('twins/one')],
    [{ include: { labels: { team: 'red', tier: 'b' } } }, []],
    [{ include: { labels: { tier: 'a' } }, exclude: { labels: { team: 'red', tier: 'c' } } }, found('twins/two')],
    [{ include: { labels: { team: '"} or {team="red' } } }, []],
  ])('is narrowed by the filter %j', async (filter, names) => {
    const filtered = await startJob(service.url, { time_range, filter });
    expect(await waitForEnd(service.url, filtered)).toMatchObject({
      status: 'COMPLETED',
      total_experiments: names.length,
      failed_experiments: 0,
    });
    expect(Object.keys(await experimentsOf(service.url, filtered)).sort()).toEqual([...names].sort());
  });
});

describe('containers of the same name in two workloads of a namespace', () => {
  const request = { time_range, filter: { include: { namespace: ['twins'] } } };
  const [one, two] = [nameOf(containers[7]!), nameOf(containers[8]!)];

  async function sized(service: Service): Promise<Record<string, ShownExperiment>> {
    const jobId = await startJob(service.url, request);
    await waitForEnd(service.url, jobId);
    return experimentsOf(service.url, jobId);
  }

  it('have separate recommendations by default, and a common one with USAGE_SCOPE=container', async () => {
    const [byWorkload, byContainer] = [await start(), await start({ USAGE_SCOPE: 'container' })];
    try {
      const own = await sized(byWorkload);
      expectSized(own[one]?.apis.recommendations.response, 0.2, 200 * mib, 1);
      expectSized(own[two]?.apis.recommendations.response, 0.4, 400 * mib, 1);
      const merged = await sized(byContainer);
      // Together they look like one workload with two pods between 200 and 400 MiB: the peak plus 20 %.
      for (const name of [one, two]) expectSized(merged[name]?.apis.recommendations.response, 0.4, 400 * mib * 1.2, 2);
    } finally {
      await Promise.all([byWorkload.stop(), byContainer.stop()]);
    }
  });
});

describe('a format that makes names clash', () => {
  let service: Service;
  let collector: RecordCollector;

  beforeAll(async () => {
    service = await start({ experimentNameFormat: '%namespace%' });
    collector = await collectRecords(kafka.bootstrapServers);
  });

  afterAll(async () => {
    await collector?.stop();
    await service?.stop();
  });

  it('fails them as one experiment on error-topic; the others are sized', async () => {
    const jobId = await startJob(service.url, { time_range, filter: { include: { namespace: ['twins', 'kinds', 'images'] } } });
    expect(await waitForEnd(service.url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 3, failed_experiments: 2 });
    await collector.waitForSummary(jobId);
    const records = collector.ofJob(jobId);
    expect(faultsOfRecords(records, ['twins', 'kinds', 'images'])).toEqual([]);
    const topicOf = Object.fromEntries(records.map(({ key, topic }) => [key, topic]));
    expect(topicOf).toMatchObject({ twins: topics.error, kinds: topics.error, images: topics.recommendations });
    const { twins } = await experimentsOf(service.url, jobId);
    for (const notifications of [
      twins!.notifications,
      JSON.parse(records.find(({ key }) => key === 'twins')!.value).experiments.twins.notifications,
    ]) {
      const { message, type } = notifications['409'];
      expect(type).toBe('ERROR');
      expect(message).toContain('deployment twins/one, container app');
      expect(message).toContain('deployment twins/two, container app');
    }
    expect(twins!.status_history.map(({ status }) => status)).toEqual(['UNPROCESSED', 'FAILED', 'PUBLISHED']);
  });
});
