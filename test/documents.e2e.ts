import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pLimit from 'p-limit';
import { clusterBlocks } from './cluster/cluster-blocks.js';
import { type CodeBlock, codeBlocks, pages } from './documents/pages.js';
import { type BlockResult, missingFrom, type Replacements, replaceAll, runBlocks } from './documents/run-blocks.js';
import { freePort } from './servers/free-port.js';
import { type KafkaServer, startKafka } from './servers/kafka.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';
import { makeTempFolder } from './servers/temp-folder.js';

/** Blocks that are not run here, and why. Each must match a block, so that the list stays true. */
const notRun: readonly (readonly [block: RegExp, reason: string])[] = [
  [/^npm run demo/, 'starts servers of its own on usual ports and takes a minute; the flow is that of main-job.e2e.ts'],
  [/^docker /, 'needs a Docker daemon and downloads images'],
  [/^npm ci/, 'replaces packages and build while other tests use them; .ci/run runs it'],
  [/--selectProjects/, 'tests that every run of the tests runs'],
  [/^npm run bench/, 'takes many minutes'],
  [/^npm run test:(chaos|fuzz)/, 'takes minutes; chaos.e2e.ts runs a short one'],
  [/^node scripts\/complete-lock/, 'writes package-lock.json'],
  [/^kubectl /, 'needs a cluster; manifests.e2e.ts renders what it applies'],
];
const reasonNotToRun = (text: string) => notRun.find(([pattern]) => pattern.test(text));

/** `NAME=value … npm start`: the service with these settings. */
const start = /^((?:[A-Za-z_]+=\S+ )*)npm start$/;
const settingsOf = (text: string) =>
  Object.fromEntries([...start.exec(text)![1]!.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]));

/** What some commands must print, beside those whose output the documents show. */
const expectedOutput: readonly (readonly [block: RegExp, output: RegExp])[] = [
  [
    /^kafka-console-consumer/,
    /ce_type:io\.rightsizer\.recommendation\.generated.*\tprometheus-1\|default\|shop\|\S+\t\{"summary":\{"status":"IN_PROGRESS"/,
  ],
  [/^kcat/, /^key [0-9a-f-]{36}\nheaders .*ce_type=io\.rightsizer\.job\.summary.*\n\{"summary":\{"status":"COMPLETED"/],
  [/recommend --explain/, /"recommendation_engines"/],
  [/npm start -- --help/, /PROMETHEUS_URL/],
  [/rightsizer migrate/, /is up to date/],
  [/-X DELETE/, /"message":"Job (deleted|cancelled)"|still on their way/],
  [/bulk\/jobs/, /"jobs":|"jobs"|[0-9a-f-]{36}/],
];

/** The address of PostgreSQL in the documents. */
const shownDatabase = 'postgres://user:password@localhost:5432/rightsizer';

const shellBlocks = pages.flatMap((page) => codeBlocks(page)).filter(({ language }) => language === 'sh');
const startBlocks = shellBlocks.filter(({ text }) => start.test(text));
const runnable = shellBlocks.filter(({ text }) => !reasonNotToRun(text) && !start.test(text));
const placeOf = ({ page, line }: CodeBlock) => `${page}:${line}`;

let prometheus: PrometheusServer;
let kafka: KafkaServer;
let postgres: PostgresServer;
let service: Service;
let replacements: Replacements;
const results = new Map<string, BlockResult>();

beforeAll(async () => {
  const endSeconds = Math.floor(Date.now() / 3_600_000) * 3_600;
  const cluster = clusterBlocks({ containers: 20, days: 9, scrapeSeconds: 450, endSeconds, seed: 1, tailSeconds: 7_200 });
  [prometheus, kafka, postgres] = await Promise.all([
    cluster.then(({ blocks }) => startPrometheus({ blocks })),
    startKafka(),
    startPostgres(),
  ]);
  const database = await postgres.createDatabase();
  service = await startService({
    env: { PROMETHEUS_URL: prometheus.url, KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers, DATABASE_URL: database },
  });
  replacements = [
    ['localhost:8080', service.url.replace('http://', '')],
    ['localhost:9090', prometheus.url.replace('http://', '')],
    ['localhost:9092', kafka.bootstrapServers],
    [shownDatabase, database],
    ['npm start -- --help', 'node dist/main.js --help'],
  ];
  const runs = pages.map((page) =>
    runBlocks(
      runnable.filter((block) => block.page === page),
      replacements,
    ),
  );
  for (const result of (await Promise.all(runs)).flat()) results.set(placeOf(result.block), result);
});

afterAll(async () => {
  await service?.stop();
  await Promise.all([prometheus?.stop(), kafka?.stop(), postgres?.stop()]);
});

describe('a command of the documents', () => {
  it.each(runnable.map((block) => [placeOf(block), block] as const))('works as the document shows: %s', (place, { text, next }) => {
    const { status, stdout, stderr } = results.get(place)!;
    expect({ text, status, stdout: status === 0 ? '' : stdout, stderr: status === 0 ? '' : stderr }).toEqual({
      text,
      status: 0,
      stdout: '',
      stderr: '',
    });
    for (const [block, output] of expectedOutput) if (block.test(text)) expect(stdout).toMatch(output);
    if (next?.language === 'json') expect(missingFrom(JSON.parse(next.text), JSON.parse(stdout))).toEqual([]);
    if (next?.language === 'text') {
      const firstColumns = (lines: string) =>
        lines
          .trim()
          .split('\n')
          .map((line) => line.split('\t')[0]);
      expect(firstColumns(stdout)).toEqual(expect.arrayContaining(firstColumns(next.text)));
    }
    const isSilent = /^(JOB=|until )/.test(text.trim().split('\n').at(-1)!);
    if (!isSilent) expect(stdout.trim()).not.toBe('');
  });

  it('is run, or on the list with the reason', () => {
    expect(runnable.length).toBeGreaterThan(25);
    expect(notRun.filter(([pattern]) => !shellBlocks.some(({ text }) => pattern.test(text)))).toEqual([]);
    expect(expectedOutput.filter(([pattern]) => !runnable.some(({ text }) => pattern.test(text)))).toEqual([]);
  });

  it('is noticed when it is broken', async () => {
    const block = (text: string): CodeBlock => ({ page: 'planted', line: 1, language: 'sh', text });
    const planted = ['curl -sf localhost:8080/health/live', 'curl -sf localhost:8080/healthy | cat', 'echo never'].map(block);
    const [good, broken, later] = await runBlocks(planted, replacements);
    expect(good).toMatchObject({ status: 0, stdout: '{"status":"up"}' });
    expect(broken!.status).toBe(22);
    expect(later!.status).toBeUndefined();
  });

  it('is noticed when its output has another shape', () => {
    const example = { data: { '2026-11-21T08:30:00.000Z': { amount: 1, text: 'a' } }, list: [{ code: 4 }] };
    expect(missingFrom(example, { data: { '2020-01-01T00:00:00.000Z': { amount: 2, text: 'b', more: 1 } }, list: [{ code: 4 }] })).toEqual(
      [],
    );
    expect(missingFrom(example, { data: { '2020-01-01T00:00:00.000Z': { amount: '2' } }, list: [{ code: 5 }] })).toEqual([
      '$.data.2026-11-21T08:30:00.000Z.amount: string instead of number',
      '$.data.2026-11-21T08:30:00.000Z.text: missing',
      '$.list[0].code: 5 instead of 4',
    ]);
  });
});

describe('the service', () => {
  const commands = [...new Set(startBlocks.map(({ text }) => text))];
  const limit = pLimit(3);
  let starts: ReadonlyMap<string, Promise<StartedState>>;

  beforeAll(() => {
    starts = new Map(commands.map((text) => [text, limit(() => startAsShown(text))]));
  });

  afterAll(() => Promise.allSettled(starts.values()));

  it.each(commands)('starts by %s', async (text) => {
    const { settings, datasources, status, kafka } = await starts.get(text)!;
    expect({ status, kafka }).toEqual({ status: 'up', kafka: 'KAFKA_BOOTSTRAP_SERVERS' in settings ? 'up' : 'off' });
    // A worker serves health and metrics alone.
    expect(datasources).toEqual(
      settings.ROLE === 'worker' ? undefined : [expect.objectContaining({ name: 'prometheus-1', url: prometheus.url })],
    );
  });

  it('takes every kind of authentication that docs/datasources.md shows', async () => {
    const folder = makeTempFolder('documents');
    const fixture = (name: string) => new URL(`./fixtures/tls/${name}`, import.meta.url).pathname;
    const token = join(folder, 'token');
    writeFileSync(token, 'secret');
    const [, shown] = codeBlocks('docs/datasources.md').filter(({ language }) => language === 'yaml');
    const file = join(folder, 'datasources.yaml');
    const secrets = '/var/run/secrets/kubernetes.io/serviceaccount/';
    writeFileSync(
      file,
      replaceAll(shown!.text, [
        [`${secrets}token`, token],
        [`${secrets}service-ca.crt`, fixture('ca.crt')],
        ...['client.crt', 'client.key', 'ca.crt'].map((name) => [`/etc/rightsizer/${name}`, fixture(name)] as const),
      ]),
    );
    const started = await startService({
      env: { DATABASE_URL: await postgres.createDatabase(), DATASOURCES_FILE: file, ROLE: 'api' },
      until: 'listening',
    });
    try {
      const { datasources } = (await (await fetch(`${started.url}/datasources`)).json()) as {
        datasources: { authenticationConfig: { type: string } }[];
      };
      const types = datasources.map(({ authenticationConfig }) => authenticationConfig.type);
      expect(types).toEqual(['BEARER', 'BEARER', 'BASIC', 'API_KEY', 'OAUTH2', 'MTLS']);
    } finally {
      await started.stop();
    }
  });
});

/** What a service says of itself once it is ready. */
interface StartedState {
  readonly settings: Readonly<Record<string, string>>;
  readonly datasources?: readonly object[];
  readonly status: string;
  readonly kafka: string;
}

/** Starts the service with the settings of a documented command, asks it, and stops it. */
async function startAsShown(text: string): Promise<StartedState> {
  const { page } = startBlocks.find((block) => block.text === text)!;
  // A file that the command names is the first YAML block of the page.
  const file = join(makeTempFolder('documents'), 'datasources.yaml');
  writeFileSync(file, replaceAll(codeBlocks(page).find(({ language }) => language === 'yaml')?.text ?? '', replacements));
  const database = await postgres.createDatabase();
  const settings = settingsOf(
    replaceAll(text, [
      [shownDatabase, database],
      ...replacements,
      ['=datasources.yaml', `=${file}`],
      ['PORT=8081', `PORT=${await freePort()}`],
    ]),
  );
  const started = await startService({ env: { DATABASE_URL: database, MEASURE_THREADS: '1', ...settings } });
  const get = async <Body>(path: string) => (await (await fetch(`${started.url}${path}`)).json()) as Body;
  try {
    const { datasources } = await get<{ datasources?: object[] }>('/datasources');
    const { status, checks } = await get<{ status: string; checks: { kafka: { status: string } } }>('/health/ready');
    return { settings, datasources, status, kafka: checks.kafka.status };
  } finally {
    await started.stop();
  }
}
