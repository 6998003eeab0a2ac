import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { inTransaction } from '../src/database/database-pool.js';
import { openJobFlow } from './job-flow.js';
import { getBulk, postBulk, type Summary, startJob, waitForEnd } from './jobs.js';
import { type FaultMode, type FaultProxy, startFaultProxy } from './servers/fault-proxy.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type RedisServer, startRedis } from './servers/redis.js';
import { type Service, startService } from './servers/service.js';
import { waitUntil } from './servers/wait-until.js';

const metrics = new URL('./fixtures/bulk/metrics.om.gz', import.meta.url).pathname;
const request = { time_range: { start: '2026-11-06T03:30:00.000Z', end: '2026-11-21T03:30:00Z' } };
/** Longer than the timeouts of requests and silent connections, on a loaded machine too. */
const patienceMs = 60_000;

let prometheus: PrometheusServer;
let postgres: PostgresServer;
let redis: RedisServer;
let proxy: FaultProxy;
let direct: pg.Client;
let service: Service | undefined;

const through = (url: string) => Object.assign(new URL(url), { port: String(proxy.port) }).href;

beforeAll(async () => {
  [prometheus, postgres, redis] = await Promise.all([startPrometheus({ openMetrics: [metrics] }), startPostgres(), startRedis()]);
});

afterEach(async () => {
  await proxy?.mode('pass');
  await service?.stop();
  await direct?.end().catch(() => undefined);
  await proxy?.close();
  service = undefined;
});

afterAll(async () => {
  await Promise.all([prometheus?.stop(), postgres?.stop(), redis?.stop()]);
});

interface Start {
  readonly queueUrl?: string;
  /** A PostgreSQL user to create. Without it, the service is a superuser, to whom connection limits do not apply. */
  readonly user?: string;
}

async function start({ queueUrl, user }: Start = {}): Promise<Service> {
  const databaseUrl = new URL(await postgres.createDatabase());
  proxy = await startFaultProxy(Number(new URL(queueUrl ?? databaseUrl).port));
  direct = new pg.Client(databaseUrl.href);
  await direct.connect();
  if (user) {
    await direct.query(`CREATE ROLE ${user} LOGIN`);
    await direct.query(`ALTER DATABASE ${databaseUrl.pathname.slice(1)} OWNER TO ${user}`);
    databaseUrl.username = user;
  }
  service = await startService({
    env: {
      PROMETHEUS_URL: prometheus.url,
      SHARD_SIZE: '1',
      WORKER_CONCURRENCY: '1',
      RECONCILE_INTERVAL_MS: '500',
      DATABASE_URL: queueUrl ? databaseUrl.href : through(databaseUrl.href),
      ...(queueUrl && { QUEUE_URL: through(queueUrl) }),
    },
  });
  return service;
}

/** Responses to requests of every kind, all sent concurrently. */
async function answersOf({ url }: Service, jobId: string) {
  const paths = [`/bulk?job_id=${jobId}`, '/bulk/jobs', '/health/ready'];
  const answers = [
    ...paths.map((path) => fetch(url + path)),
    fetch(`${url}/bulk`, { method: 'POST', body: '{}' }),
    fetch(`${url}/bulk?job_id=${jobId}`, { method: 'DELETE' }),
  ];
  return Promise.all(answers);
}

const processed = async ({ url }: Service, jobId: string) =>
  (await getBulk<{ summary: Summary }>(url, jobId)).body.summary.processed_experiments;

async function underWay(running: Service): Promise<string> {
  const jobId = await startJob(running.url, request);
  await waitUntil('some shards are measured', async () => (await processed(running, jobId)) > 0);
  return jobId;
}

describe('a PostgreSQL that misbehaves', () => {
  it.each(['reset', 'hang', 'half-close', 'cut', 'refuse'] satisfies FaultMode[])(
    'by %s: requests get 503 in time, and jobs continue afterwards',
    async (mode) => {
      const running = await start();
      const jobId = await underWay(running);
      await proxy.mode(mode);
      const answers = mode === 'cut' ? [] : await answersOf(running, jobId);
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
      for (const answer of answers.filter(({ url }) => !url.includes('health'))) {
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await answer.json()).toMatchObject({ httpcode: 503, status: 'ERROR', documentationLink: '' });
      }
      await proxy.mode('pass');
      await waitUntil('the service is ready', async () => (await fetch(`${running.url}/health/ready`)).ok, { timeoutMs: patienceMs });
      expect(await waitForEnd(running.url, jobId, patienceMs)).toMatchObject({
        status: 'COMPLETED',
        failed_experiments: 0,
        notifications: {},
      });
    },
  );

  it('by a lock: requests get 503 in time, and their later outcome is not logged as an error', async () => {
    const running = await start();
    const jobId = await startJob(running.url, request);
    await waitForEnd(running.url, jobId);
    await direct.query('BEGIN');
    await direct.query('LOCK TABLE bulk_job');
    const answers = await answersOf(running, jobId);
    expect(answers.filter(({ url }) => !url.includes('health')).map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    await direct.query('COMMIT');
    await waitUntil('the late statements have ended', async () => {
      const { rows } = await direct.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`);
      return rows.length === 0;
    });
    expect((await fetch(`${running.url}/bulk/jobs`)).status).toBe(200);
    expect(running.logs.filter(({ msg }) => msg === 'request failed')).toEqual([]);
  });

  it('by repeatedly terminated backends fails no job', async () => {
    const running = await start();
    const jobId = await startJob(running.url, request);
    const terminate =
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
    await waitUntil(
      'the job ends',
      async () => {
        await direct.query(terminate);
        const { rows } = await direct.query('SELECT status FROM bulk_job WHERE id = $1', [jobId]);
        return rows[0].status !== 'IN_PROGRESS';
      },
      { everyMs: 700, timeoutMs: 2 * patienceMs },
    );
    expect(await waitForEnd(running.url, jobId, patienceMs)).toMatchObject({
      status: 'COMPLETED',
      failed_experiments: 0,
      notifications: {},
    });
  });

  it('by having no free connection fails no job', async () => {
    const running = await start({ user: 'limited' });
    const jobId = await startJob(running.url, request);
    await direct.query('ALTER ROLE limited CONNECTION LIMIT 0');
    await waitUntil(
      'the service is not ready',
      async () => {
        await direct.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'limited'");
        return (await fetch(`${running.url}/health/ready`)).status === 503;
      },
      { timeoutMs: patienceMs },
    );
    await direct.query('ALTER ROLE limited CONNECTION LIMIT -1');
    expect(await waitForEnd(running.url, jobId, patienceMs)).toMatchObject({
      status: 'COMPLETED',
      failed_experiments: 0,
      notifications: {},
    });
  });
});

describe('a transaction left open by a frozen or disconnected process', () => {
  it('is ended by PostgreSQL: its row is free for others, and its changes are rolled back', async () => {
    const flow = await openJobFlow(await postgres.createDatabase());
    try {
      const jobId = await flow.submit();
      const lease = await flow.lease('discover');
      let isOpen: () => void = () => undefined;
      const open = new Promise<void>((resolve) => (isOpen = resolve));
      const frozen = inTransaction(flow.database, async (transaction) => {
        await flow.leases.settle(transaction, lease);
        isOpen();
        await waitUntil('the row is taken', async () => (await flow.row('SELECT fence FROM attempt')).fence === 2, {
          timeoutMs: patienceMs,
        });
        await transaction.query('SELECT 1');
      });
      await Promise.all([
        expect(frozen).rejects.toThrow(),
        open.then(async () => {
          await flow.expireLeases();
          expect(await flow.lease('discover')).toMatchObject({ jobId, fence: 2 });
        }),
      ]);
    } finally {
      await flow.close();
    }
  });
});

describe('a Redis that misbehaves as the queue', () => {
  it.each(['hang', 'reset', 'refuse'] satisfies FaultMode[])(
    'by %s: requests get responses, and jobs continue afterwards',
    async (mode) => {
      const running = await start({ queueUrl: redis.url });
      await proxy.mode(mode);
      const { status, body } = await postBulk(running.url, request);
      expect(status).toBe(200);
      expect((await fetch(`${running.url}/metrics`)).status).toBe(200);
      const other = await startJob(running.url, request);
      expect((await fetch(`${running.url}/bulk?job_id=${other}`, { method: 'DELETE' })).status).toBe(200);
      await proxy.mode('pass');
      expect(await waitForEnd(running.url, String(body.job_id), patienceMs)).toMatchObject({ status: 'COMPLETED', failed_experiments: 0 });
    },
  );
});
