import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CollectedRecord, collectRecords, type RecordCollector, topics } from './collect-records.js';
import { faultsOfRecords } from './job-records.js';
import { experimentsOf, getBulk, postBulk, type Summary, startJob, waitForEnd } from './jobs.js';
import { type KafkaServer, startKafka } from './servers/kafka.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';
import { waitUntil } from './servers/wait-until.js';

const metrics = new URL('./fixtures/bulk/metrics.om.gz', import.meta.url).pathname;
const request = { time_range: { start: '2026-11-06T03:30:00.000Z', end: '2026-11-21T03:30:00Z' } };

let prometheus: PrometheusServer;
let kafka: KafkaServer;
let postgres: PostgresServer;
let api: Service;
let workers: Service[] = [];
let collector: RecordCollector;

beforeAll(async () => {
  [prometheus, kafka, postgres] = await Promise.all([startPrometheus({ openMetrics: [metrics] }), startKafka(), startPostgres()]);
  const shared = {
    PROMETHEUS_URL: prometheus.url,
    KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
    DATABASE_URL: await postgres.createDatabase(),
    // One experiment per shard and one shard at a time, so that the kill happens between two shards.
    SHARD_SIZE: '1',
    WORKER_CONCURRENCY: '1',
    RECONCILE_INTERVAL_MS: '500',
    LOG_LEVEL: 'debug',
  };
  // Start concurrently: they find an empty database and migrate it one after the other.
  [api, ...workers] = await Promise.all(['api', 'worker', 'worker'].map((ROLE) => startService({ env: { ...shared, ROLE } })));
  collector = await collectRecords(kafka.bootstrapServers);
});

afterAll(async () => {
  await collector?.stop();
  await Promise.all([api, ...workers].map((service) => service?.stop()));
  await Promise.all([prometheus?.stop(), kafka?.stop(), postgres?.stop()]);
});

/** Shards that a process measured, according to its log. */
function measuredBy({ logs }: Service, jobId: string): number {
  return logs.filter(({ msg, jobId: id, result }) => msg === 'a shard was measured' && id === jobId && result !== 'stale').length;
}

const progressOf = async (jobId: string) => (await getBulk<{ summary: Summary }>(api.url, jobId)).body.summary.processed_experiments;

async function recordsOf(jobId: string): Promise<CollectedRecord[]> {
  await collector.waitForSummary(jobId);
  return collector.ofJob(jobId);
}

describe('roles', () => {
  it('the API accepts jobs but runs none; workers run jobs but accept none', async () => {
    for (const worker of workers) expect((await postBulk(worker.url, {})).status).toBe(404);
    const jobId = await startJob(api.url, request);
    expect(await waitForEnd(api.url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 7, failed_experiments: 0 });
    expect(measuredBy(api, jobId)).toBe(0);
    // A worker logs a shard after its commit.
    const measured = () => workers.reduce((sum, worker) => sum + measuredBy(worker, jobId), 0);
    await waitUntil('each shard is told of', () => measured() >= 7);
    expect(measured()).toBe(7);
    for (const worker of workers) expect(measuredBy(worker, jobId)).toBeGreaterThan(0);
    expect(faultsOfRecords(await recordsOf(jobId), Object.keys(await experimentsOf(api.url, jobId)))).toEqual([]);
  });
});

describe('a worker killed in the middle of a job', () => {
  let jobId: string;
  let records: CollectedRecord[];

  it('leaves its work to the other worker, which completes it', async () => {
    const [killed, other] = workers as [Service, Service];
    jobId = await startJob(api.url, request);
    await waitUntil('the job is in its middle', async () => (await progressOf(jobId)) >= 1, { everyMs: 10 });
    await killed.kill();
    const atKill = await progressOf(jobId);
    expect(await waitForEnd(api.url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 7, failed_experiments: 0 });
    expect(atKill).toBeLessThan(7);
    expect(measuredBy(other, jobId)).toBeGreaterThan(0);
    records = await recordsOf(jobId);
    expect(faultsOfRecords(records, Object.keys(await experimentsOf(api.url, jobId)))).toEqual([]);
  });

  it('does not lead to a second summary', async () => {
    await new Promise((done) => setTimeout(done, 3_000));
    const summaries = collector.ofJob(jobId).filter(({ topic }) => topic === topics.summary);
    expect(new Set(summaries.map(({ value }) => value)).size).toBe(1);
  });

  it('would be detected if it lost or damaged anything', () => {
    const names = records.filter(({ topic }) => topic === topics.recommendations).map(({ key }) => key!);
    const unique = [...new Set(names)];
    const [first] = records;
    expect(faultsOfRecords(records, [...unique, 'another'])).toHaveLength(1);
    expect(faultsOfRecords([...records, { ...first!, value: first!.value.replace('PROCESSED', 'FAILED') }], unique)).toHaveLength(1);
    const [summary] = records.filter(({ topic }) => topic === topics.summary);
    expect(faultsOfRecords([...records, { ...summary!, value: summary!.value.replace('"COMPLETED"', '"FAILED"') }], unique)).toHaveLength(
      1,
    );
  });

  it('works again after its restart', async () => {
    await workers[0]!.start();
    const next = await startJob(api.url, request);
    expect(await waitForEnd(api.url, next)).toMatchObject({ status: 'COMPLETED', total_experiments: 7 });
    expect(faultsOfRecords(await recordsOf(next), Object.keys(await experimentsOf(api.url, next)))).toEqual([]);
  });
});

describe('no worker at all', () => {
  it('leaves jobs pending while the API responds; a new worker runs them', async () => {
    await Promise.all(workers.map((worker) => worker.kill()));
    const jobId = await startJob(api.url, request);
    await new Promise((done) => setTimeout(done, 1_500));
    expect((await getBulk<{ summary: Summary }>(api.url, jobId)).body.summary).toMatchObject({
      status: 'IN_PROGRESS',
      total_experiments: 0,
    });
    await workers[1]!.start();
    expect(await waitForEnd(api.url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 7 });
  });
});
