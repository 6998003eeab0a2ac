import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { experimentsOf, getBulk, startJob, waitForEnd } from './jobs.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';
import { makeTempFolder, removeTempFolder } from './servers/temp-folder.js';
import { waitUntil } from './servers/wait-until.js';

const metrics = new URL('./fixtures/bulk/metrics.om.gz', import.meta.url).pathname;
const request = { time_range: { start: '2026-11-06T03:30:00.000Z', end: '2026-11-21T03:30:00Z' } };

let folder: string;
let prometheus: PrometheusServer;
let service: Service;

beforeAll(async () => {
  folder = makeTempFolder('embedded');
  prometheus = await startPrometheus({ openMetrics: [metrics] });
  service = await start();
});

afterAll(async () => {
  await service?.stop();
  const left = postgresPid();
  if (left !== undefined && isRunning(left)) process.kill(left, 'SIGINT');
  await prometheus?.stop();
  removeTempFolder(folder);
});

function start(): Promise<Service> {
  return startService({
    env: {
      PROMETHEUS_URL: prometheus.url,
      DATA_DIR: join(folder, 'data'),
      SHARD_SIZE: '1',
      WORKER_CONCURRENCY: '1',
      RECONCILE_INTERVAL_MS: '500',
    },
  });
}

/** First line of postmaster.pid; undefined after a clean stop, when PostgreSQL has removed the file. */
function postgresPid(): number | undefined {
  const file = join(folder, 'data/postgres/postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const starts = () => service.logs.filter(({ msg }) => msg === 'embedded PostgreSQL is ready');

describe('the service without DATABASE_URL', () => {
  let jobId: string;
  let pid: number;

  it('starts its own PostgreSQL and accepts jobs', async () => {
    pid = postgresPid()!;
    expect(isRunning(pid)).toBe(true);
    expect(starts()).toMatchObject([{ takenOver: false }]);
    jobId = await startJob(service.url, request);
    expect((await getBulk(service.url, jobId)).status).toBe(200);
  });

  it('takes over the running PostgreSQL after kill -9, and continues the job', async () => {
    await service.kill();
    expect(isRunning(service.pid)).toBe(false);
    expect([postgresPid(), isRunning(pid)]).toEqual([pid, true]);
    await service.start();
    expect(starts()).toMatchObject([{ takenOver: false }, { takenOver: true }]);
    expect(postgresPid()).toBe(pid);
    expect(await waitForEnd(service.url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 7, failed_experiments: 0 });
    expect(Object.keys(await experimentsOf(service.url, jobId))).toHaveLength(7);
  });

  it('leaves no process running after a stop', async () => {
    const servicePid = service.pid;
    expect([isRunning(servicePid), isRunning(pid)]).toEqual([true, true]);
    await service.stop();
    expect(isRunning(servicePid)).toBe(false);
    expect(postgresPid()).toBeUndefined();
    // PostgreSQL removes its file just before it exits, and its new parent must reap it.
    await waitUntil('PostgreSQL has ended', () => !isRunning(pid), { timeoutMs: 10_000 });
  });

  it('has all jobs after a start on the same data', async () => {
    service = await start();
    expect(starts()).toMatchObject([{ takenOver: false }]);
    expect(await waitForEnd(service.url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 7 });
    expect(await waitForEnd(service.url, await startJob(service.url, request))).toMatchObject({
      status: 'COMPLETED',
      existing_experiments: 7,
    });
  });
});
