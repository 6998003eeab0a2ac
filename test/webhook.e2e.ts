import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getBulk, type Summary, startJob, waitForEnd } from './jobs.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';
import { waitUntil } from './servers/wait-until.js';
import { startReceiver, type WebhookReceiver } from './webhook-receiver.js';

const fixture = (name: string) => new URL(`./fixtures/bulk/${name}`, import.meta.url);
const time_range = { start: '2026-11-06T03:30:00.000Z', end: '2026-11-21T03:30:00Z' };
const secret = 'täglich';

interface WebhookSection {
  readonly status: string;
  readonly notifications?: { readonly type: string; readonly message: string; readonly code: number };
}

let prometheus: PrometheusServer;
let postgres: PostgresServer;
let receiver: WebhookReceiver;
let service: Service;

beforeAll(async () => {
  [prometheus, postgres, receiver] = await Promise.all([
    startPrometheus({ openMetrics: [fixture('metrics.om.gz').pathname] }),
    startPostgres(),
    startReceiver(),
  ]);
  service = await start({ WEBHOOK_ALLOW_PRIVATE: 'true', WEBHOOK_SECRET: secret });
});

afterAll(async () => {
  await service?.stop();
  await Promise.all([receiver?.stop(), prometheus?.stop(), postgres?.stop()]);
});

async function start(env: Record<string, string>): Promise<Service> {
  return startService({ env: { PROMETHEUS_URL: prometheus.url, DATABASE_URL: await postgres.createDatabase(), ...env } });
}

async function webhookOf(jobId: string, url = service.url): Promise<WebhookSection | undefined> {
  return (await getBulk<{ webhook?: WebhookSection }>(url, jobId, { include: 'webhook' })).body.webhook;
}

async function waitForWebhook(jobId: string, url = service.url): Promise<WebhookSection> {
  await waitUntil(
    `the webhook of job ${jobId} ends`,
    async () => ((await webhookOf(jobId, url))?.status ?? 'IN_PROGRESS') !== 'IN_PROGRESS',
  );
  return (await webhookOf(jobId, url))!;
}

/** Paths of the members of a value at any depth. Keys that are data (names, instants, codes) are shown as `*`. */
function shapeOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => shapeOf(item, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [`${path}: ${typeof value}`];
  const isNamedByData = /(experimentMap|notifications|data|plots_data|datasources|clusters|namespaces|workloads|containers)$/.test(path);
  return Object.entries(value).flatMap(([key, member]) => shapeOf(member, `${path}.${isNamedByData ? '*' : key}`));
}

const shape = (value: unknown) => [...new Set(shapeOf(value))].sort();

describe('the call of a webhook', () => {
  let jobId: string;
  let summary: Summary;
  // biome-ignore lint/suspicious/noExplicitAny: the body is what is examined
  let body: any;

  beforeAll(async () => {
    jobId = await startJob(service.url, { time_range, webhook: { url: receiver.hook('good', 204) } });
    summary = await waitForEnd(service.url, jobId);
    [body] = JSON.parse((await receiver.waitForCalls('good', 1))[0]!.body);
  });

  it('is one POST of JSON with the delivery id', async () => {
    expect(await waitForWebhook(jobId)).toEqual({ status: 'COMPLETED' });
    const calls = receiver.calls('good');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', 'x-rightsizer-delivery': jobId },
    });
  });

  it('is signed with the secret over exactly the bytes of the body', () => {
    const { headers, body: text } = receiver.calls('good')[0]!;
    const signatureOf = (signed: string) => `sha256=${createHmac('sha256', secret).update(signed).digest('hex')}`;
    expect(headers['x-rightsizer-signature']).toBe(signatureOf(text));
    expect(headers['x-rightsizer-signature']).not.toBe(signatureOf(`${text} `));
  });

  it("has Kruize's format", () => {
    const [kruize] = JSON.parse(readFileSync(fixture('webhook.json'), 'utf8')).body;
    expect(Object.keys(body)).toEqual(Object.keys(kruize));
    expect(body.experiments).toEqual({});
    const shop = Object.entries(kruize.experimentMap).filter(([name]) => name.includes('|shop|'));
    expect(Object.keys(body.experimentMap)).toEqual(shop.map(([name]) => name).sort());
    expect(body.webhook).toEqual(kruize.webhook);
    expect(body.metadata.datasources['prometheus-1'].clusters.default.namespaces.shop).toEqual(
      kruize.metadata.datasources['prometheus-1'].clusters.default.namespaces.shop,
    );
    const theirs = shape({ experimentMap: Object.fromEntries(shop) }).filter((path) => !/\*\.(status|status_history)/.test(path));
    const ours = shape({ experimentMap: body.experimentMap });
    expect(theirs.filter((path) => !ours.includes(path))).toEqual([]);
    expect(ours.filter((path) => !theirs.includes(path) && !/\*\.(status|status_history)/.test(path))).toEqual([]);
    expect(Object.keys(kruize.summary).filter((key) => !(key in body.summary))).toEqual([]);
  });

  it('has the same content as GET', async () => {
    const { job_id, job_start_time, job_end_time, notifications: _none, ...rest } = summary;
    expect(body.summary).toEqual({ ...rest, jobID: job_id, startTime: job_start_time, endTime: job_end_time });
    const { body: shown } = await getBulk<{ experiments: Record<string, { apis: { recommendations: object } }> }>(service.url, jobId, {
      include: 'experiments',
    });
    for (const [name, experiment] of Object.entries(shown.experiments)) {
      expect(body.experimentMap[name].apis.recommendations).toEqual(experiment.apis.recommendations);
    }
  });
});

describe('a receiver that rejects the call', () => {
  it('is called again with the same delivery after 500', async () => {
    const jobId = await startJob(service.url, { time_range, webhook: { url: receiver.hook('shaky', 500, 503, 200) } });
    await receiver.waitForCalls('shaky', 1);
    expect(await webhookOf(jobId)).toEqual({ status: 'IN_PROGRESS' });
    expect(await waitForWebhook(jobId)).toEqual({ status: 'COMPLETED' });
    const calls = receiver.calls('shaky');
    expect(calls).toHaveLength(3);
    expect(new Set(calls.map(({ headers }) => headers['x-rightsizer-delivery']))).toEqual(new Set([jobId]));
    expect(new Set(calls.map(({ body }) => body)).size).toBe(1);
  });

  it.each([410, 400, 302])('is not called again after %i', async (status) => {
    const jobId = await startJob(service.url, { time_range, webhook: { url: receiver.hook(`gone-${status}`, status, 200) } });
    expect(await waitForWebhook(jobId)).toEqual({
      status: 'FAILED',
      notifications: { type: 'ERROR', code: status, message: expect.stringContaining(`responded with ${status}`) },
    });
    expect(receiver.calls(`gone-${status}`)).toHaveLength(1);
    expect(await waitForEnd(service.url, jobId)).toMatchObject({ status: 'COMPLETED', failed_experiments: 0 });
  });

  it('is called again after a kill of the service', async () => {
    const jobId = await startJob(service.url, { time_range, webhook: { url: receiver.hook('killed', 500, 500, 200) } });
    await receiver.waitForCalls('killed', 1);
    await service.restart();
    expect(await waitForWebhook(jobId)).toEqual({ status: 'COMPLETED' });
  });
});

describe('a failed job', () => {
  it('also calls its webhook', async () => {
    const request = { filter: { include: { namespace: ['nothing'] } }, time_range, webhook: { url: receiver.hook('empty', 200) } };
    await startJob(service.url, request);
    const [{ summary, experimentMap }] = JSON.parse((await receiver.waitForCalls('empty', 1))[0]!.body);
    expect(summary).toMatchObject({ status: 'COMPLETED', total_experiments: 0, notifications: { '200': { message: 'Nothing to do.' } } });
    expect(experimentMap).toEqual({});
  });
});

describe('private addresses', () => {
  let strict: Service;

  beforeAll(async () => {
    strict = await start({});
  });

  afterAll(() => strict?.stop());

  it('are rejected after a name is resolved: the webhook fails, but not the job', async () => {
    const url = receiver.hook('name', 200).replace('127.0.0.1', 'localhost');
    const jobId = await startJob(strict.url, { time_range, webhook: { url } });
    expect(await waitForWebhook(jobId, strict.url)).toEqual({
      status: 'FAILED',
      notifications: { type: 'ERROR', code: 403, message: expect.stringContaining('loopback') },
    });
    expect(await waitForEnd(strict.url, jobId)).toMatchObject({ status: 'COMPLETED', failed_experiments: 0 });
    expect(receiver.calls('name')).toHaveLength(0);
  });

  it("are rejected as numbers too: kruize-ui's own address fails only its webhook, and its secrets are masked", async () => {
    const url = `${receiver.hook('number', 200).replace('//', '//me:s3cret@')}?token=s3cret`;
    const jobId = await startJob(strict.url, { time_range, webhook: { url } });
    expect(await waitForWebhook(jobId, strict.url)).toMatchObject({ status: 'FAILED', notifications: { code: 403 } });
    const summary = await waitForEnd(strict.url, jobId);
    expect(summary).toMatchObject({
      status: 'COMPLETED',
      failed_experiments: 0,
      input: { webhook: { url: expect.stringContaining('//***@127.0.0.1:') } },
    });
    const list = await (await fetch(`${strict.url}/bulk/jobs`)).text();
    expect(JSON.stringify(summary) + list).not.toContain('s3cret');
    expect(receiver.calls('number')).toHaveLength(0);
  });

  it('are called if WEBHOOK_ALLOW lists them', async () => {
    const open = await start({ WEBHOOK_ALLOW: 'hooks.corp.example, 127.0.0.0/8' });
    try {
      const jobId = await startJob(open.url, { time_range, webhook: { url: receiver.hook('listed', 200) } });
      expect(await waitForWebhook(jobId, open.url)).toEqual({ status: 'COMPLETED' });
    } finally {
      await open.stop();
    }
  });

  it('are called by the same name if they are allowed', async () => {
    const url = receiver.hook('allowed', 200).replace('127.0.0.1', 'localhost');
    expect(await waitForWebhook(await startJob(service.url, { time_range, webhook: { url } }))).toEqual({ status: 'COMPLETED' });
  });

  it('calls are unsigned without a secret', async () => {
    expect(receiver.calls('allowed')[0]?.headers).toHaveProperty('x-rightsizer-signature');
    const open = await start({ WEBHOOK_ALLOW_PRIVATE: 'true' });
    try {
      await startJob(open.url, { time_range, webhook: { url: receiver.hook('unsigned', 200) } });
      expect((await receiver.waitForCalls('unsigned', 1))[0]!.headers).not.toHaveProperty('x-rightsizer-signature');
    } finally {
      await open.stop();
    }
  });
});
