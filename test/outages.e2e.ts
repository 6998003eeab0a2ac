import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { type CollectedRecord, collectRecords, type RecordCollector, topics } from './collect-records.js';
import { experimentsOf, getBulk, type Summary, startJob, waitForEnd } from './jobs.js';
import { type KafkaServer, startKafka } from './servers/kafka.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type RedisServer, startRedis } from './servers/redis.js';
import { type Service, startService } from './servers/service.js';
import { waitUntil } from './servers/wait-until.js';

const metrics = new URL('./fixtures/bulk/metrics.om.gz', import.meta.url).pathname;
const request = { time_range: { start: '2026-11-06T03:30:00.000Z', end: '2026-11-21T03:30:00Z' } };

let prometheus: PrometheusServer;
let kafka: KafkaServer;
let postgres: PostgresServer;
let service: Service | undefined;
let collector: RecordCollector | undefined;

beforeAll(async () => {
  [prometheus, kafka, postgres] = await Promise.all([startPrometheus({ openMetrics: [metrics] }), startKafka(), startPostgres()]);
});

afterEach(async () => {
  await collector?.stop();
  await service?.stop();
  collector = undefined;
  service = undefined;
});

afterAll(async () => {
  await Promise.all([prometheus?.stop(), kafka?.stop(), postgres?.stop()]);
});

async function start(env: Record<string, string> = {}): Promise<Service> {
  service = await startService({
    env: {
      PROMETHEUS_URL: prometheus.url,
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
      DATABASE_URL: await postgres.createDatabase(),
      DATASOURCE_RETRY_MS: '3000',
      RECONCILE_INTERVAL_MS: '1000',
      ...env,
    },
  });
  return service;
}

/** Errors in the records of a job: missing, duplicated with different content, on two topics, or after the summary. Empty if there are none. */
function faultsOf(records: readonly CollectedRecord[], jobId: string, experiments: readonly string[]): string[] {
  const contentsByKey = new Map<string, Set<string>>();
  for (const { topic, key, value } of records) {
    contentsByKey.set(String(key), (contentsByKey.get(String(key)) ?? new Set()).add(`${topic} ${value}`));
  }
  const missing = experiments.filter((name) => !contentsByKey.has(name)).map((name) => `no record of ${name}`);
  const torn = experiments.filter((name) => (contentsByKey.get(name)?.size ?? 0) > 1).map((name) => `different records of ${name}`);
  const summaries = records.filter(({ topic }) => topic === topics.summary);
  const contents = new Set(summaries.map(({ value }) => value));
  const early = Math.min(...summaries.map(({ timestamp }) => timestamp)) < Math.max(...records.map(({ timestamp }) => timestamp));
  return [
    ...missing,
    ...torn,
    ...(contents.size === 1 ? [] : [`${contents.size} different summaries of ${jobId}`]),
    ...(early ? ['a record after the summary'] : []),
  ];
}

describe('the checker of records', () => {
  const record = (topic: string, key: string, value: string, timestamp: number): CollectedRecord => ({
    topic,
    key,
    value,
    timestamp,
    partition: 0,
    headers: {},
  });
  const good = [record(topics.recommendations, 'a', '1', 1), record(topics.summary, 'job', 's', 2)];

  it.each([
    ['nothing in what is right', good, []],
    ['nothing in a byte-equal repeat', [...good, good[0]], []],
    ['a missing record', good.slice(1), ['no record of a']],
    ['two contents', [record(topics.recommendations, 'a', '2', 1), ...good], ['different records of a']],
    ['two topics', [record(topics.error, 'a', '1', 1), ...good], ['different records of a']],
    ['no summary', good.slice(0, 1), ['0 different summaries of job']],
    ['an early summary', [record(topics.recommendations, 'a', '1', 3), good[1]], ['a record after the summary']],
  ])('finds %s', (_what, records, faults) => {
    expect(faultsOf(records, 'job', ['a'])).toEqual(faults);
  });
});

describe('unavailable Kafka', () => {
  it('delays records but loses none: the job completes, and its records follow when Kafka is available again', async () => {
    const { url } = await start();
    collector = await collectRecords(kafka.bootstrapServers);
    await kafka.kill();
    const jobId = await startJob(url, request);
    expect(await waitForEnd(url, jobId)).toMatchObject({ status: 'COMPLETED', processed_experiments: 7, published_experiments: 0 });
    await waitUntil('readiness tells about Kafka', async () =>
      (await (await fetch(`${url}/health/ready`)).text()).includes('"kafka":{"status":"down"'),
    );
    await kafka.start();
    await collector.waitForSummary(jobId);
    expect(faultsOf(collector.ofJob(jobId), jobId, Object.keys(await experimentsOf(url, jobId)))).toEqual([]);
    await waitUntil('all experiments are shown as published', async () => {
      const { body } = await getBulk<{ summary: Summary }>(url, jobId);
      return body.summary.published_experiments === 7;
    });
  });

  it('does not prevent the start', async () => {
    await kafka.kill();
    try {
      const { url } = await start();
      const jobId = await startJob(url, request);
      expect((await waitForEnd(url, jobId)).status).toBe('COMPLETED');
    } finally {
      await kafka.start();
    }
  });
});

const readinessOf = async (url: string) => (await fetch(`${url}/health/ready`)).text();

describe('missing topics that may not be created', () => {
  it('delay records, and readiness says why; after publication is turned off, their jobs can be deleted', async () => {
    const DATABASE_URL = await postgres.createDatabase();
    const names = { KAFKA_TOPIC_RECOMMENDATIONS: 'r-absent', KAFKA_TOPIC_ERROR: 'e-absent', KAFKA_TOPIC_SUMMARY: 's-absent' };
    const { url } = await start({ DATABASE_URL, KAFKA_CREATE_TOPICS: 'false', ...names });
    const jobId = await startJob(url, request);
    expect(await waitForEnd(url, jobId)).toMatchObject({ status: 'COMPLETED', published_experiments: 0 });
    await waitUntil('readiness names the topics', async () => /r-absent.*e-absent.*s-absent/.test(await readinessOf(url)));
    const remove = (at: string) => fetch(`${at}/bulk?job_id=${jobId}`, { method: 'DELETE' });
    expect((await remove(url)).status).toBe(409);
    await service?.stop();

    service = await startService({ env: { PROMETHEUS_URL: prometheus.url, DATABASE_URL } });
    expect(await readinessOf(service.url)).toContain('the records of 1 job are still pending');
    await waitUntil('the log says so', async () =>
      service!.logs.some(({ msg }) => /records of jobs are still to be sent/.test(String(msg))),
    );
    expect((await remove(service.url)).status).toBe(200);
    expect(await readinessOf(service.url)).not.toContain('still pending');
    await service.stop();
    service = undefined;
  });
});

describe('an unavailable datasource', () => {
  const expectFailed = async (url: string, jobId: string, code: number) => {
    const summary = await waitForEnd(url, jobId);
    expect(summary.status).toBe('FAILED');
    expect(summary.notifications[code]).toMatchObject({ type: 'ERROR', code });
    const record = await collector!.waitForSummary(jobId);
    expect(JSON.parse(record.value).summary).toMatchObject({ status: 'FAILED', job_id: jobId });
    const failure = collector!.ofJob(jobId).find(({ topic, key }) => topic === topics.error && key === jobId);
    expect(JSON.parse(failure!.value)).toEqual({ summary: { status: 'FAILED', job_id: jobId, notifications: summary.notifications } });
    expect(failure!.headers.ce_type).toBe('io.rightsizer.job.failed');
  };

  it('fails a job with 503, an error record and a summary after the last retry', async () => {
    const { url } = await start();
    collector = await collectRecords(kafka.bootstrapServers);
    await prometheus.kill();
    try {
      await expectFailed(url, await startJob(url, request), 503);
    } finally {
      await prometheus.start();
    }
  });

  it('is retried until it is available again', async () => {
    const { url } = await start({ DATASOURCE_RETRY_MS: '60000' });
    await prometheus.kill();
    const jobId = await startJob(url, request);
    await new Promise((done) => setTimeout(done, 1_500));
    await prometheus.start();
    expect(await waitForEnd(url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 7, failed_experiments: 0 });
  });

  describe('that fails in other ways', () => {
    let answering: HttpServer;
    let answer = { status: 200, body: '', stalls: false };
    let address: string;

    beforeAll(async () => {
      answering = createServer((_request, response) => {
        if (answer.stalls) return;
        response.writeHead(answer.status, { 'content-type': 'text/html' }).end(answer.body);
      });
      await new Promise<void>((done) => answering.listen(0, '127.0.0.1', done));
      address = `http://127.0.0.1:${(answering.address() as AddressInfo).port}`;
    });

    afterAll(() => answering.closeAllConnections());
    afterAll(() => new Promise((done) => answering.close(done)));

    it.each([
      ['refused credentials', { status: 401, body: 'who are you', stalls: false }, 401],
      ['a refused query', { status: 422, body: '{"status":"error","errorType":"execution","error":"no"}', stalls: false }, 422],
      ['an HTML page', { status: 200, body: '<html>', stalls: false }, 502],
      ['no answer in time', { status: 200, body: '', stalls: true }, 504],
      ['overload', { status: 503, body: 'busy', stalls: false }, 503],
    ])('%s fails the job with its code', async (_what, behaviour, code) => {
      answer = behaviour;
      const { url } = await start({ PROMETHEUS_URL: address, DATASOURCE_TIMEOUT_MS: '500', DATASOURCE_RETRY_MS: '1000' });
      collector = await collectRecords(kafka.bootstrapServers);
      await expectFailed(url, await startJob(url, {}), code);
    });
  });
});

describe('a killed service', () => {
  let redis: RedisServer | undefined;

  afterAll(async () => redis?.stop());

  it.each([
    ['PostgreSQL', 'before discovery', 0],
    ['PostgreSQL', 'while it measures', 700],
    ['PostgreSQL', 'while it publishes', 1_800],
    ['Redis', 'while it measures', 700],
  ])(
    'with its queue on %s, %s: continues after the restart, with one record per experiment and one summary',
    async (queue, _when, afterMs) => {
      if (queue === 'Redis') redis ??= await startRedis();
      const { url } = await start({ SHARD_SIZE: '2', ...(queue === 'Redis' ? { QUEUE_URL: redis!.url } : {}) });
      collector = await collectRecords(kafka.bootstrapServers);
      const jobId = await startJob(url, request);
      await new Promise((done) => setTimeout(done, afterMs));
      await service!.restart();
      expect(await waitForEnd(url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 7, failed_experiments: 0 });
      await collector.waitForSummary(jobId);
      expect(faultsOf(collector.ofJob(jobId), jobId, Object.keys(await experimentsOf(url, jobId)))).toEqual([]);
    },
  );

  it('continues even if the queue has lost everything', async () => {
    redis ??= await startRedis();
    const { url } = await start({ SHARD_SIZE: '2', QUEUE_URL: redis.url });
    collector = await collectRecords(kafka.bootstrapServers);
    const jobId = await startJob(url, request);
    await service!.kill();
    const queue = new Redis(redis.url);
    await queue.flushall();
    await queue.quit();
    await service!.start();
    expect((await waitForEnd(url, jobId)).status).toBe('COMPLETED');
    await collector.waitForSummary(jobId);
    expect(faultsOf(collector.ofJob(jobId), jobId, Object.keys(await experimentsOf(url, jobId)))).toEqual([]);
  });
});

describe('unavailable Redis', () => {
  it('slows jobs down but stops none', async () => {
    const redis = await startRedis();
    try {
      const { url } = await start({ QUEUE_URL: redis.url, RECONCILE_INTERVAL_MS: '200' });
      collector = await collectRecords(kafka.bootstrapServers);
      await redis.kill();
      const jobId = await startJob(url, request);
      expect(await waitForEnd(url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 7, failed_experiments: 0 });
      await collector.waitForSummary(jobId);
      expect(faultsOf(collector.ofJob(jobId), jobId, Object.keys(await experimentsOf(url, jobId)))).toEqual([]);
      const ready = await fetch(`${url}/health/ready`);
      expect([ready.status, await ready.json()]).toMatchObject([200, { status: 'degraded', checks: { queue: { status: 'down' } } }]);
      expect(service!.logs.filter(({ msg }) => /^the queue at .* cannot be reached/.test(String(msg)))).toHaveLength(1);
    } finally {
      await redis.stop();
    }
  });
});
