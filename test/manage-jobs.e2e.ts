import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { getBulk, nextPageOf, type Summary, startJob } from './jobs.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type Service, startService } from './servers/service.js';
import { waitUntil } from './servers/wait-until.js';

let postgres: PostgresServer;
let databaseUrl: string;
let service: Service;

beforeAll(async () => {
  postgres = await startPostgres();
  databaseUrl = await postgres.createDatabase();
  service = await startService({
    env: {
      DATABASE_URL: databaseUrl,
      // Nothing listens there, and retries last long, so that a job stays in progress during the tests.
      PROMETHEUS_URL: 'http://127.0.0.1:9',
      DATASOURCE_RETRY_MS: '3600000',
      JOB_RETENTION_DAYS: '30',
      RECONCILE_INTERVAL_MS: '200',
      SHUTDOWN_TIMEOUT_MS: '0',
      BASE_PATH: '/sizer/',
    },
  });
});

afterAll(async () => {
  await service?.stop();
  await postgres?.stop();
});

/** DELETE /bulk of a job. */
async function remove(jobId: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${service.url}/bulk?job_id=${jobId}`, { method: 'DELETE' });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function list(address: string): Promise<{ ids: string[]; next: string | undefined }> {
  const answer = await fetch(address);
  const { jobs } = (await answer.json()) as { jobs: Summary[] };
  return { ids: jobs.map(({ job_id }) => job_id), next: nextPageOf(answer) };
}

async function makeOlder(jobId: string, days: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`UPDATE bulk_job SET ended_at = ended_at - $2 * interval '1 day' WHERE id = $1`, [jobId, days]);
  await client.end();
}

describe('jobs', () => {
  it('are listed, latest first, in pages', async () => {
    const made: string[] = [];
    for (let i = 0; i < 3; i++) made.unshift(await startJob(service.url));
    const first = await list(`${service.url}/bulk/jobs?limit=2`);
    expect(first.ids).toEqual(made.slice(0, 2));
    expect(await list(first.next!)).toEqual({ ids: made.slice(2), next: undefined });

    await remove(made[1]);
    expect((await list(`${service.url}/bulk/jobs?status=FAILED`)).ids).toEqual([made[1]]);
    expect((await list(`${service.url}/bulk/jobs?status=IN_PROGRESS`)).ids).toEqual([made[0], made[2]]);
  });

  it.each(['status=DONE', 'limit=0', 'cursor=x'])('are not listed for %s; the error names the parameter', async (query) => {
    const answer = await fetch(`${service.url}/bulk/jobs?${query}`);
    expect([answer.status, (await answer.json()) as object]).toEqual([
      400,
      expect.objectContaining({ message: expect.stringContaining(`(field: ${query.split('=')[0]})`) }),
    ]);
  });

  it('are cancelled while they run, and deleted after they have ended', async () => {
    const jobId = await startJob(service.url);
    expect(await remove(jobId)).toMatchObject({ status: 200, body: { message: 'Job cancelled', status: 'SUCCESS' } });
    const { body } = await getBulk<{ summary: Summary }>(service.url, jobId);
    expect(body.summary).toMatchObject({
      status: 'FAILED',
      notifications: { 499: { type: 'ERROR', message: 'cancelled', code: 499 } },
      job_end_time: expect.any(String),
    });
    expect(await remove(jobId)).toMatchObject({ status: 200, body: { message: 'Job deleted' } });
    expect((await getBulk(service.url, jobId)).status).toBe(404);
    expect(await remove(jobId)).toMatchObject({ status: 404, body: { message: 'Job not found' } });
  });

  it('are deleted after JOB_RETENTION_DAYS', async () => {
    const [old, young] = [await startJob(service.url), await startJob(service.url)];
    await remove(old);
    await remove(young);
    await makeOlder(old, 31);
    await makeOlder(young, 29);
    await waitUntil('the old job is gone', async () => (await getBulk(service.url, old)).status === 404);
    expect((await getBulk(service.url, young)).status).toBe(200);
  });
});

describe('a prefix that an ingress does not strip', () => {
  it('is removed from every URL, and links keep it', async () => {
    const made = [await startJob(`${service.url}/sizer`), await startJob(service.url)];
    const first = await list(`${service.url}/sizer/bulk/jobs?limit=1`);
    expect(first.next).toMatch(/\/sizer\/bulk\/jobs\?/);
    expect([...first.ids, ...(await list(first.next!)).ids.slice(0, 1)]).toEqual(made.reverse());
    const statusOf = async (path: string) => (await fetch(service.url + path)).status;
    expect(await Promise.all(['/sizer/health', '/health', '/sizerbulk/jobs', '/other/health'].map(statusOf))).toEqual([200, 200, 404, 404]);
  });
});
