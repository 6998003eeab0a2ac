import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getBulk, postBulk, startJob, waitForEnd } from './jobs.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';
import { tableCounts } from './table-counts.js';

const unknownJob = '00000000-0000-4000-8000-000000000000';

let prometheus: PrometheusServer;
let postgres: PostgresServer;
let databaseUrl: string;
let service: Service;

beforeAll(async () => {
  [prometheus, postgres] = await Promise.all([startPrometheus(), startPostgres()]);
  databaseUrl = await postgres.createDatabase();
  service = await startService({ env: { PROMETHEUS_URL: prometheus.url, DATABASE_URL: databaseUrl } });
});

afterAll(async () => {
  await service?.stop();
  await Promise.all([prometheus?.stop(), postgres?.stop()]);
});

const storedJobs = async () => (await tableCounts(databaseUrl)).bulk_job;

/** Checks that a response is an error envelope, without further members. */
function expectEnvelope(answer: { status: number; body: unknown; headers: Headers }, code: number, message: string): void {
  expect(answer.body).toEqual({ message: expect.stringContaining(message), httpcode: code, documentationLink: '', status: 'ERROR' });
  expect(answer.status).toBe(code);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json; ?charset=utf-8$/i);
}

async function ask(method: string, path: string, init: RequestInit = {}) {
  const answer = await fetch(service.url + path, { method, ...init });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
}

describe('a body that is not a request', () => {
  it.each<[string, unknown, string]>([
    ['nothing', '', 'No content to map due to end-of-input'],
    ['blanks', ' \n ', 'No content to map due to end-of-input'],
    ['malformed JSON', '{bad', 'The body is not JSON'],
    ['trailing text', '{} trailing', 'The body is not JSON'],
    ['two values', '{}{}', 'The body is not JSON'],
    ['a cut text', '{"filter":', 'The body is not JSON'],
    ['null', 'null', 'The body must be a JSON object'],
    ['an array', '[]', 'The body must be a JSON object'],
    ['a number', '7', 'The body must be a JSON object'],
    ['a form', 'datasource=prometheus-1', 'The body is not JSON'],
  ])('is rejected: %s', async (_what, body, message) => {
    const before = await storedJobs();
    expectEnvelope(await postBulk(service.url, body), 400, message);
    expect(await storedJobs()).toBe(before);
  });

  it('is rejected if it is larger than 2 MB', async () => {
    const body = JSON.stringify({ filter: { include: { namespace: ['x'.repeat(2_100_000)] } } });
    expectEnvelope(await postBulk(service.url, body), 413, 'too large');
  });

  it.each([
    ['an encoding', { 'content-encoding': 'nonsense' }],
    ['a charset', { 'content-type': 'application/json; charset=nonsense' }],
  ])('is rejected with an unknown %s', async (_what, headers) => {
    expectEnvelope(await postBulk(service.url, '{}', headers), 415, 'unsupported');
  });
});

describe('a request that would block the service', () => {
  const many = (count: number, of: (index: number) => string) => Array.from({ length: count }, (_, index) => of(index));

  it.each<[string, unknown, string]>([
    ['a body that is nested deeply', '['.repeat(100_000), 'nested deeper than 32 levels'],
    ['too many members', `{"datasources": ["x"${',"x"'.repeat(60_000)}]}`, 'more than 50000 members'],
    ['a name of megabytes', { cluster_name: 'x'.repeat(2_000_000) }, '(field: cluster_name)'],
    ['a costly expression', { filter: { include: { namespace: ['((a{99}){99}){99}'] } } }, '(field: filter.include.namespace)'],
    [
      'thousands of errors',
      { filter: { include: { namespace: many(6_000, () => '(') } } },
      'Only the first 10 faulty expressions are listed',
    ],
  ])('is rejected with a short message: %s', async (_what, body, message) => {
    const answer = await postBulk(service.url, body);
    expectEnvelope(answer, 400, message);
    expect(JSON.stringify(answer.body).length).toBeLessThan(10_000);
  });

  it('may be a list of thousands of names', async () => {
    const namespace = many(6_000, (index) => `namespace-with-a-long-name-of-some-team-number-${index}`);
    expect((await postBulk(service.url, { filter: { include: { namespace } } })).status).toBe(200);
  });
});

describe('a web page of another origin', () => {
  const origin = 'https://evil.example';

  it.each(['POST', 'DELETE'])('may not %s, and the response says why', async (method) => {
    const before = await storedJobs();
    const answer = await ask(method, '/bulk', { headers: { origin }, ...(method === 'POST' && { body: '{}' }) });
    expectEnvelope(answer, 403, 'CORS_ORIGINS');
    expect(await storedJobs()).toBe(before);
  });

  it('gets no permission in a preflight', async () => {
    const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
    const answer = await fetch(`${service.url}/bulk`, { method: 'OPTIONS', headers });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('an invalid request', () => {
  const good = '2026-11-21T03:30:00Z';
  it.each<[object, string]>([
    [{ experiment_typs: [] }, 'experiment_typs'],
    [{ filter: { only: {} } }, 'filter.only'],
    [{ filter: { include: { pods: [] } } }, 'filter.include.pods'],
    [{ filter: { exclude: { container: [] } } }, 'filter.exclude.container'],
    [{ time_range: { start: good, end: good, step: 1 } }, 'time_range.step'],
    [{ webhook: { url: 'https://example.com', secret: 'x' } }, 'webhook.secret'],
    [{ term_settings: { words: [] } }, 'term_settings.words'],
    [{ model_settings: { tunables: {} } }, 'model_settings.tunables'],
    [{ recommendation_types_config: { disks: [] } }, 'recommendation_types_config.disks'],
    [{ term_settings: { terms: [{ name: 'x', duration_in_days: 1, days: 1 }] } }, 'term_settings.terms.0.days'],
    [{ filter: 'shop' }, 'filter'],
    [{ filter: { include: { namespace: 'shop' } } }, 'filter.include.namespace'],
    [{ filter: { include: { labels: { a: {} } } } }, 'filter.include.labels.a'],
    [{ datasource: 123 }, 'datasource'],
    [{ measurement_duration: 15 }, 'measurement_duration'],
    [{ webhook: 'https://example.com' }, 'webhook'],
    [{ threshold: 'low' }, 'threshold'],
    [{ requestId: 5 }, 'requestId'],
    [{ time_range: { start: 'yesterday', end: good } }, 'time_range.start'],
    [{ time_range: { start: good, end: '2026-02-30T00:00:00Z' } }, 'time_range.end'],
    [{ time_range: { start: good, end: '2026-11-20T00:00:00Z' } }, 'time_range.start'],
    [{ time_range: { start: good } }, 'time_range.end'],
    [{ filter: { include: { namespace: ['ok', 'a('] } } }, 'filter.include.namespace.1'],
    [{ filter: { exclude: { workload: ['(?<=a)b'] } } }, 'filter.exclude.workload.0'],
    [{ datasource: 'nowhere' }, 'datasource'],
    [{ datasources: ['prometheus-1', 'nowhere'] }, 'datasources.1'],
    [{ metadata_profile: 'nothing' }, 'metadata_profile'],
    [{ measurement_duration: 'often' }, 'measurement_duration'],
    [{ measurement_duration: '7min' }, 'measurement_duration'],
    [{ deadline: 'soon' }, 'deadline'],
    [{ deadline: '9000000000d' }, 'deadline'],
    [{ webhook: { url: 'ftp://example.com/' } }, 'webhook.url'],
    [{ cluster_name: 'a\u0000b' }, 'cluster_name'],
    [{ filter: { include: { labels: { org: '\ud800' } } } }, 'filter.include.labels.org'],
  ])('is rejected with the name of the field, and nothing is stored: %j', async (body, field) => {
    const before = await tableCounts(databaseUrl);
    expectEnvelope(await postBulk(service.url, body), 400, `(field: ${field})`);
    expect(await tableCounts(databaseUrl)).toEqual(before);
  });

  it('gets all errors at once', async () => {
    const answer = await postBulk(service.url, { deadline: 'soon', datasource: 'nowhere', webhook: { url: 'nonsense' } });
    for (const field of ['deadline', 'datasource', 'webhook.url']) expect(answer.body.message).toContain(`(field: ${field})`);
  });

  it('is stored after it is corrected, so the count above works', async () => {
    const before = await storedJobs();
    const jobId = await startJob(service.url, { datasource: 'prometheus-1', time_range: { end: good }, deadline: '1h' });
    expect(await storedJobs()).toBe(before + 1);
    const summary = await waitForEnd(service.url, jobId);
    expect(summary).toMatchObject({ status: 'COMPLETED', total_experiments: 0, notifications: { '200': { message: 'Nothing to do.' } } });
  });

  it('is read with any content type', async () => {
    const answer = await ask('POST', '/bulk', { body: '{}', headers: { 'content-type': 'text/plain' } });
    expect(answer).toMatchObject({ status: 200, body: { job_id: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
  });
});

describe('a time range far from all data', () => {
  it.each([
    ['long ago', { start: '1970-01-01T00:00:00Z', end: '1970-01-02T00:00:00Z' }],
    ['far ahead', { start: '2999-01-01T00:00:00Z', end: '2999-01-02T00:00:00Z' }],
  ])('%s finds nothing', async (_what, time_range) => {
    expect(await waitForEnd(service.url, await startJob(service.url, { time_range }))).toMatchObject({
      status: 'COMPLETED',
      total_experiments: 0,
    });
  });
});

describe('GET /bulk', () => {
  let jobId: string;

  beforeAll(async () => {
    jobId = await startJob(service.url);
    await waitForEnd(service.url, jobId);
  });

  it.each([
    '',
    '?job_id=',
    `?job_id=${unknownJob}`,
    '?job_id=17',
    "?job_id=' OR 1=1",
    '?job_id=%00',
    `?job_id=${unknownJob}&job_id=${unknownJob}`,
  ])('responds with 404 to %j', async (query) => expectEnvelope(await ask('GET', `/bulk${query}`), 404, 'Job not found'));

  it.each([
    ['limit=0', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=10001', 'limit'],
    ['limit=5&cursor=***', 'cursor'],
    ['limit=5&cursor=AA', 'cursor'],
    ['experiment_name=%00', 'experiment_name'],
  ])('rejects %s', async (query, field) => {
    expectEnvelope(await ask('GET', `/bulk?job_id=${jobId}&include=experiments&${query}`), 400, `(field: ${field})`);
  });

  it.each(['limit=5', 'limit=10000', 'limit=5&cursor=YQ', 'experiment_name=none', 'include[a]=b', 'foo=bar'])(
    'accepts %s',
    async (query) => {
      expect((await ask('GET', `/bulk?job_id=${jobId}&include=experiments&${query}`)).status).toBe(200);
    },
  );

  it('responds to HEAD like to GET, without a body', async () => {
    expect(await ask('HEAD', `/bulk?job_id=${jobId}`)).toMatchObject({ status: 200, body: undefined });
  });
});

describe('other methods and paths', () => {
  it.each(['PUT', 'PATCH', 'OPTIONS'])('%s /bulk gets 405 with the allowed methods', async (method) => {
    const answer = await ask(method, '/bulk');
    expectEnvelope(answer, 405, method);
    expect(answer.headers.get('allow')).toContain('GET, HEAD, POST');
  });

  it.each(['/', '/bulk/nothing/here', '/%', '/nothing'])('%s gets 404', async (path) => {
    expectEnvelope(await ask('GET', path), 404, 'Not Found');
  });
});

describe('a repeated request', () => {
  const body = { filter: { include: { namespace: ['a'], labels: { x: '1', y: '2' } } }, measurement_duration: '1h' };
  const sameInOtherOrder = { measurement_duration: '1h', filter: { include: { labels: { y: '2', x: 1 }, namespace: ['a'] } } };
  const idOf = async (sent: object, headers: Record<string, string> = {}) => {
    const answer = await postBulk(service.url, sent, headers);
    expect(answer.status).toBe(200);
    return answer.body.job_id;
  };

  it('with the same requestId is the same job, whatever the order of its members', async () => {
    const first = await idOf({ ...body, requestId: 'r-1' });
    const before = await storedJobs();
    expect(await idOf({ ...sameInOtherOrder, requestId: 'r-1' })).toBe(first);
    expect(await storedJobs()).toBe(before);
  });

  it('with the same Idempotency-Key is the same job', async () => {
    const first = await idOf(body, { 'Idempotency-Key': 'k-1' });
    expect(await idOf(body, { 'Idempotency-Key': 'k-1' })).toBe(first);
    expect(await idOf({ ...body, requestId: 'k-1' })).toBe(first);
  });

  it('with another key or none is another job', async () => {
    const ids = [
      await idOf(body, { 'Idempotency-Key': 'k-2' }),
      await idOf(body, { 'Idempotency-Key': 'k-3' }),
      await idOf(body, { 'Idempotency-Key': ' ' }),
      await idOf(body, { 'Idempotency-Key': ' ' }),
      await idOf(body),
      await idOf(body),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each<[string, (sent: object) => Promise<{ status: number; body: unknown; headers: Headers }>]>([
    ['requestId', (sent) => postBulk(service.url, { ...sent, requestId: 'r-2' })],
    ['Idempotency-Key', (sent) => postBulk(service.url, sent, { 'Idempotency-Key': 'k-4' })],
  ])('with the same %s and another body is 409', async (_what, send) => {
    expect((await send(body)).status).toBe(200);
    const before = await storedJobs();
    expectEnvelope(await send({ ...body, measurement_duration: '30min' }), 409, 'Duplicate requestId found with different payload');
    expect(await storedJobs()).toBe(before);
    expect((await send(body)).status).toBe(200);
  });

  it('sent concurrently is one job', async () => {
    const before = await storedJobs();
    const ids = await Promise.all(Array.from({ length: 20 }, () => idOf({ ...body, requestId: 'r-3' })));
    expect(new Set(ids).size).toBe(1);
    expect(await storedJobs()).toBe(before + 1);
    expect((await getBulk(service.url, String(ids[0]))).status).toBe(200);
  });

  it('with different bodies, sent concurrently, is one job and 409 for the others', async () => {
    const durations = ['15min', '30min', '1h', '2h', '3h', '4h'];
    const answers = await Promise.all(
      durations.map((measurement_duration) => postBulk(service.url, { measurement_duration, requestId: 'r-4' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
  });

  it('with a key that is too long for the index is rejected', async () => {
    expectEnvelope(await postBulk(service.url, {}, { 'Idempotency-Key': 'k'.repeat(4_000) }), 400, '(field: Idempotency-Key)');
  });
});
