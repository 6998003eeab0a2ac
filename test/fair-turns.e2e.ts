import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { collectRecords, type RecordCollector, topics } from './collect-records.js';
import { getBulk, type Summary, startJob, waitForEnd } from './jobs.js';
import { type KafkaServer, startKafka } from './servers/kafka.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';
import { makeTempFolder, removeTempFolder } from './servers/temp-folder.js';
import { waitUntil } from './servers/wait-until.js';
import { type SmallContainer, smallCluster } from './small-cluster.js';
import { type SwitchedProxy, startSwitchedProxy } from './switched-proxy.js';

const places = 2;
const publishPlaces = 2;
const endSeconds = Date.parse('2026-11-21T03:30:00Z') / 1000;
const time_range = { start: '2026-11-20T21:30:00Z', end: '2026-11-21T03:30:00Z' };
const containersOf = (namespace: string, count: number): SmallContainer[] =>
  Array.from({ length: count }, (_, index) => ({
    namespace,
    workload: `${namespace}-${index}`,
    container: 'app',
    cpuCores: 0.1,
    memoryBytes: 100 * 1024 ** 2,
  }));
const only = (namespace: string) => ({ time_range, filter: { include: { namespace: [namespace] } } });
const silentNames = ['silent-1', 'silent-2', 'silent-3', 'silent-4', 'silent-5'];

const folder = makeTempFolder('turns');
let prometheus: PrometheusServer;
let kafka: KafkaServer;
let postgres: PostgresServer;
let service: Service;
let collector: RecordCollector;
let silent: TcpServer;
const sockets = new Set<Socket>();
let turning: SwitchedProxy;
let database: pg.Client;

beforeAll(async () => {
  const file = join(folder, 'cluster.om');
  const cluster = [...containersOf('large', 120), ...containersOf('small', 5)];
  writeFileSync(file, smallCluster(cluster, { endSeconds, hours: 6, stepSeconds: 60 }));
  // Accepts connections and requests, but never responds.
  silent = createServer((socket) => sockets.add(socket.on('error', () => undefined).resume()));
  await new Promise<void>((ready) => silent.listen(0, '127.0.0.1', ready));
  [prometheus, kafka, postgres] = await Promise.all([startPrometheus({ openMetrics: [file] }), startKafka(), startPostgres()]);
  turning = await startSwitchedProxy(prometheus.url);

  const silentUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const datasource = (name: string, url: string) => ({ name, provider: 'prometheus', serviceName: '', namespace: '', url });
  const datasources = [
    datasource('prometheus-1', prometheus.url),
    datasource('turning', turning.url),
    ...silentNames.map((name) => datasource(name, silentUrl)),
  ];
  writeFileSync(join(folder, 'datasources.json'), JSON.stringify({ datasource: datasources }));
  const databaseUrl = await postgres.createDatabase();
  database = new pg.Client(databaseUrl);
  await database.connect();
  service = await startService({
    env: {
      DATASOURCES_FILE: join(folder, 'datasources.json'),
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
      DATABASE_URL: databaseUrl,
      SHARD_SIZE: '2',
      WORKER_CONCURRENCY: String(places),
      USAGE_STORE: 'false',
    },
  });
  collector = await collectRecords(kafka.bootstrapServers);
});

afterAll(async () => {
  await database?.end();
  await Promise.all([collector?.stop(), service?.stop()]);
  await Promise.all([prometheus?.stop(), kafka?.stop(), postgres?.stop(), turning?.stop()]);
  silent?.close();
  for (const socket of sockets) socket.destroy();
  removeTempFolder(folder);
});

const statusOf = async (jobId: string) => (await getBulk<{ summary: Summary }>(service.url, jobId)).body.summary.status;

describe('a small job behind a large one', () => {
  it('waits for at most two shards of the large job per worker slot, both for measuring and for publishing', async () => {
    const large = await startJob(service.url, only('large'));
    await waitUntil('the large job is under way', async () => {
      const { body } = await getBulk<{ summary: Summary }>(service.url, large);
      return body.summary.processed_experiments > 0;
    });
    const small = await startJob(service.url, only('small'));
    await collector.waitForSummary(small);
    await waitForEnd(service.url, large);
    // Waits are counted in shards of the large job, because the time per shard varies.
    const { rows } = await database.query(
      `SELECT (SELECT count(*) FROM shard WHERE job_id = small.id)::int AS own,
              count(*) FILTER (WHERE shard.recommended_at BETWEEN small.planned_at AND small.ended_at)::int AS measured_between,
              count(*) FILTER (WHERE shard.published_at BETWEEN small.ended_at AND last.published_at)::int AS published_between
       FROM bulk_job AS small, shard, (SELECT max(published_at) AS published_at FROM shard WHERE job_id = $2) AS last
       WHERE small.id = $2 AND shard.job_id = $1 GROUP BY small.id, last.published_at`,
      [large, small],
    );
    const [{ own, measured_between: measured, published_between: published }] = rows;
    expect(own).toBeGreaterThan(1);
    expect(measured).toBeLessThanOrEqual(own + 2 * places);
    expect(published).toBeLessThanOrEqual(own + 2 * publishPlaces);
  });
});

describe('a summary too large for its topic', () => {
  it('is shortened, says so, and is published', async () => {
    const admin = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const limitTo = (bytes: string) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [
          { type: ConfigResourceTypes.TOPIC, name: topics.summary, configEntries: [{ name: 'max.message.bytes', value: bytes }] },
        ],
      });
    await limitTo('5000');
    const namespace = [
      'small',
      ...Array.from({ length: 2_000 }, (_, index) => `namespace-that-is-not-there-${randomBytes(8).toString('hex')}-${index}`),
    ];
    const jobId = await startJob(service.url, { time_range, filter: { include: { namespace } } });
    const { summary } = JSON.parse((await collector.waitForSummary(jobId)).value);
    await limitTo('1000000');
    await admin.disconnect();
    expect(summary).toMatchObject({ status: 'COMPLETED', total_experiments: 5, notifications: { '413': { type: 'WARNING' } } });
    expect(summary.input).toBeUndefined();
    const rows = await database.query('SELECT publication FROM bulk_job WHERE id = $1', [jobId]);
    expect(rows.rows).toEqual([{ publication: 'published' }]);
  });
});

describe('a datasource that responds', () => {
  it('gets a worker slot for discovery, however many datasources are silent', async () => {
    const waiting = await Promise.all(silentNames.map((datasource) => startJob(service.url, { ...only('small'), datasource })));
    const jobId = await startJob(service.url, only('small'));
    expect(await waitForEnd(service.url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 5 });
    expect(await Promise.all(waiting.map(statusOf))).toEqual(silentNames.map(() => 'IN_PROGRESS'));
    for (const id of waiting) await fetch(`${service.url}/bulk?job_id=${id}`, { method: 'DELETE' });
  });

  it('gets worker slots for its shards even if another one becomes silent', async () => {
    const stuck = await startJob(service.url, { ...only('large'), datasource: 'turning' });
    await waitUntil('its first shards are measured', async () => {
      const { body } = await getBulk<{ summary: Summary }>(service.url, stuck);
      return body.summary.processed_experiments > 0;
    });
    turning.switchTo(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    const jobId = await startJob(service.url, only('small'));
    expect(await waitForEnd(service.url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 5 });
    expect(await statusOf(stuck)).toBe('IN_PROGRESS');
    await fetch(`${service.url}/bulk?job_id=${stuck}`, { method: 'DELETE' });
    expect(await waitForEnd(service.url, stuck)).toMatchObject({ status: 'FAILED', processed_experiments: 120 });
  });
});
