import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startJob, waitForEnd } from './jobs.js';
import { type PgBouncer, startPgBouncer } from './servers/pgbouncer.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, type ServiceOptions, startService } from './servers/service.js';

const metrics = new URL('./fixtures/bulk/metrics.om.gz', import.meta.url).pathname;
const request = { time_range: { start: '2026-11-06T03:30:00.000Z', end: '2026-11-21T03:30:00Z' } };

let prometheus: PrometheusServer;
let postgres: PostgresServer;
let pooler: PgBouncer;
let service: Service | undefined;

beforeAll(async () => {
  [prometheus, postgres] = await Promise.all([startPrometheus({ openMetrics: [metrics] }), startPostgres()]);
});

afterEach(async () => {
  await service?.stop();
  await pooler?.stop();
  service = undefined;
});

afterAll(async () => {
  await Promise.all([prometheus?.stop(), postgres?.stop()]);
});

async function start(env: ServiceOptions['env']): Promise<Service> {
  service = await startService({ env: { PROMETHEUS_URL: prometheus.url, DATABASE_URL: pooler.url, ...env } });
  return service;
}

/** Runs two jobs: the second one uses the windows that the first one stored. */
async function doJobs({ url }: Service): Promise<void> {
  for (let round = 0; round < 2; round++) {
    expect(await waitForEnd(url, await startJob(url, request))).toMatchObject({
      status: 'COMPLETED',
      total_experiments: 7,
      failed_experiments: 0,
    });
  }
}

describe('behind PgBouncer', () => {
  it('in session mode the service works without further settings', async () => {
    pooler = await startPgBouncer(await postgres.createDatabase(), 'session');
    await doJobs(await start({}));
  });

  it('in transaction mode the service does not start without DATABASE_DIRECT_URL, and says so', async () => {
    pooler = await startPgBouncer(await postgres.createDatabase(), 'transaction');
    await expect(start({})).rejects.toThrow(/A NOTIFY does not reach a LISTEN at DATABASE_URL.*Set DATABASE_DIRECT_URL/s);
  });

  it('in transaction mode the service works with DATABASE_DIRECT_URL', async () => {
    const databaseUrl = await postgres.createDatabase();
    pooler = await startPgBouncer(databaseUrl, 'transaction');
    await doJobs(await start({ DATABASE_DIRECT_URL: databaseUrl }));
  });
});
