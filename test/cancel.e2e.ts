import { writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { getBulk, type Summary, startJob, waitForEnd } from './jobs.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';
import { makeTempFolder, removeTempFolder } from './servers/temp-folder.js';
import { waitUntil } from './servers/wait-until.js';
import { smallCluster } from './small-cluster.js';

const endSeconds = Date.parse('2026-11-21T03:30:00Z') / 1000;
const time_range = { start: '2026-11-20T21:30:00Z', end: '2026-11-21T03:30:00Z' };
const containers = 40;
const folder = makeTempFolder('cancel');

/** A datasource in front of Prometheus that counts requests and delays each response, if required forever. */
interface SlowDatasource {
  readonly url: string;
  readonly counts: { requests: number; open: number };
  delayMs: number;
  close(): void;
}

let prometheus: PrometheusServer;
let postgres: PostgresServer;
let slow: SlowDatasource;
let api: Service;
let worker: Service;
let database: pg.Client;

async function startSlowDatasource(target: string): Promise<SlowDatasource> {
  const counts = { requests: 0, open: 0 };
  const slow = { counts, delayMs: 0 };
  const server: HttpServer = createServer((incoming, answer) => {
    counts.requests++;
    counts.open++;
    answer.once('close', () => counts.open--);
    const { method, headers } = incoming;
    const onward = httpRequest(new URL(incoming.url!, target), { method, headers }, async (reply) => {
      await sleep(slow.delayMs, undefined, { ref: false });
      if (!answer.destroyed) reply.pipe(answer.writeHead(reply.statusCode!, reply.headers));
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return Object.assign(slow, { url, close });
}

beforeAll(async () => {
  const file = join(folder, 'cluster.om');
  const cluster = Array.from({ length: containers }, (_, index) => ({
    namespace: `space-${index}`,
    workload: `workload-${index}`,
    container: 'app',
    cpuCores: 0.1,
    memoryBytes: 100 * 1024 ** 2,
  }));
  writeFileSync(file, smallCluster(cluster, { endSeconds, hours: 6, stepSeconds: 60 }));
  [prometheus, postgres] = await Promise.all([startPrometheus({ openMetrics: [file] }), startPostgres()]);
  slow = await startSlowDatasource(prometheus.url);
  const datasource = (name: string, url: string) => ({ name, provider: 'prometheus', serviceName: '', namespace: '', url });
  const datasources = [datasource('prometheus-1', prometheus.url), datasource('slow', slow.url)];
  writeFileSync(join(folder, 'datasources.json'), JSON.stringify({ datasource: datasources }));
  const shared = {
    DATASOURCES_FILE: join(folder, 'datasources.json'),
    DATABASE_URL: await postgres.createDatabase(),
    SHARD_SIZE: '1',
    RECONCILE_INTERVAL_MS: '500',
  };
  database = new pg.Client(shared.DATABASE_URL);
  await database.connect();
  [api, worker] = await Promise.all([
    startService({ env: { ...shared, ROLE: 'api' } }),
    startService({ env: { ...shared, ROLE: 'worker' } }),
  ]);
});

afterAll(async () => {
  await database?.end();
  await Promise.all([api?.stop(), worker?.stop()]);
  slow?.close();
  await Promise.all([prometheus?.stop(), postgres?.stop()]);
  removeTempFolder(folder);
});

const cancel = (jobId: string) => fetch(`${api.url}/bulk?job_id=${jobId}`, { method: 'DELETE' });
const isLeased = async (jobId: string) =>
  (await database.query(`SELECT FROM attempt WHERE job_id = $1 AND held_until < 'infinity'`, [jobId])).rowCount! > 0;

/** Cancels the job, waits until its worker has released it, runs another job, and checks that there were no further queries for the first one. */
async function cancelAndCount(jobId: string): Promise<void> {
  await cancel(jobId);
  expect(await waitForEnd(api.url, jobId)).toMatchObject({ status: 'FAILED', notifications: { '499': { message: 'cancelled' } } });
  await waitUntil('the worker has let go of the job', async () => !(await isLeased(jobId)));
  await waitUntil('the requests under way are closed', () => slow.counts.open === 0);
  const { requests } = slow.counts;
  const other = await startJob(api.url, { time_range, filter: { include: { namespace: ['space-1', 'space-2'] } } });
  expect(await waitForEnd(api.url, other)).toMatchObject({ status: 'COMPLETED', total_experiments: 2 });
  expect(slow.counts.requests).toBe(requests);
}

describe('a cancelled job', () => {
  it('sends no further query and leases no further shard, even if another process received the request to cancel', async () => {
    slow.delayMs = 100;
    const jobId = await startJob(api.url, { time_range, datasource: 'slow' });
    await waitUntil('some shards are measured', async () => {
      const { body } = await getBulk<{ summary: Summary }>(api.url, jobId);
      return body.summary.processed_experiments > 2;
    });
    const leases = `SELECT count(*)::int AS count, sum(fence)::int AS fences FROM attempt WHERE job_id = $1`;
    await cancelAndCount(jobId);
    const before = (await database.query(leases, [jobId])).rows;
    expect(before[0].count).toBeLessThan(containers);
    await waitUntil('the reconciler has looked twice', async () => {
      await sleep(1_200);
      return true;
    });
    expect((await database.query(leases, [jobId])).rows).toEqual(before);
  });

  it('closes its pending requests while shards are measured', async () => {
    slow.delayMs = 50;
    const jobId = await startJob(api.url, { time_range, datasource: 'slow', refresh: true });
    await waitUntil('some shards are measured', async () => {
      const { body } = await getBulk<{ summary: Summary }>(api.url, jobId);
      return body.summary.processed_experiments > 0;
    });
    slow.delayMs = 3_600_000;
    await waitUntil('its requests wait', () => slow.counts.open > 0);
    await cancelAndCount(jobId);
  });

  it('sends no further query if it is cancelled during discovery', async () => {
    slow.delayMs = 3_600_000;
    const jobId = await startJob(api.url, { time_range, datasource: 'slow', refresh: true });
    await waitUntil('its discovery waits', () => slow.counts.open > 0);
    await cancelAndCount(jobId);
  });

  it('frees its threads for other jobs', async () => {
    slow.delayMs = 0;
    const jobId = await startJob(api.url, { time_range, datasource: 'slow' });
    expect(await waitForEnd(api.url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: containers, failed_experiments: 0 });
    expect(worker.logs.filter(({ msg }) => msg.includes('thread ended'))).toEqual([]);
  });
});
