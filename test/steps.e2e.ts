import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DiscoverStep } from '../src/bulk/discover-step.js';
import { EndedJobs, FinishStep, NotifyStep } from '../src/bulk/ending-steps.js';
import { type Lease, LeaseLost, Stopped } from '../src/bulk/lease-rows.js';
import { MeasureStep, PublishStep } from '../src/bulk/shard-steps.js';
import { JobFailure } from '../src/bulk/step-work.js';
import type { WakeUpsByStep } from '../src/bulk/steps.js';
import { Datasources } from '../src/datasource/datasources.js';
import type { DiscoveryRequest } from '../src/discovery/plan-discovery.js';
import type { DiscoveredCluster } from '../src/discovery/read-workloads.js';
import { packRecommendation } from '../src/experiments/documents.js';
import { MetadataProfiles } from '../src/profiles/metadata-profile.js';
import type { Message } from '../src/publication/messages.js';
import { PublicationError } from '../src/publication/publication-error.js';
import type { PublishResult } from '../src/publication/publisher.js';
import { BodyRendering, measureBody, type WebhookCall, type WebhookResult } from '../src/publication/webhook-client.js';
import { logger } from '../src/settings/logger.js';
import { readSettings } from '../src/settings/read-settings.js';
import type { Measurement } from '../src/sizing/sizer.js';
import { type JobFlow, nameOf, useJobFlow } from './job-flow.js';

/** The steps over real rows; threads, Kafka and the webhook's receiver are the test's. */
const cancelled = { '499': { type: 'ERROR', message: 'cancelled', code: 499 } } as const;
const webhook = { request: { webhook: { url: 'http://127.0.0.1:9/' } } };
const never = new AbortController().signal;
const bug = new Error('a bug');

const otherDatasource = new URL('./fixtures/other-datasource.json', import.meta.url).pathname;

let flow: JobFlow;
let ended: EndedJobs;
let woken: WakeUpsByStep[];

let cluster: DiscoveredCluster;
let warnings: string[];
let measurements: Measurement[];
let published: Message[];
/** How records end, by key; default: acknowledged. */
let results: Record<string, PublishResult>;
let isAnswered: Promise<void>;
/** Publications under way: one goes after the other. */
let publishing: number;
let called: { url: string; deliveryId: string; body: string }[];
let answer: WebhookResult;
/** What happens after a webhook's body is measured, before it is sent. */
let betweenRenderings: () => Promise<void>;

useJobFlow((opened) => {
  flow = opened;
});

afterEach(() => void jest.restoreAllMocks());

beforeEach(async () => {
  publishing = 0;
  [woken, warnings, measurements, published, results, called] = [[], [], [], [], {}, []];
  betweenRenderings = async () => undefined;
  discoverBy = () => later(() => ({ cluster, warnings }));
  [cluster, isAnswered, answer] = [clusterOf(1), Promise.resolve(), { status: 'COMPLETED' }];
  ended = new EndedJobs(flow.jobs, flow.shards, { wakeAll: async (waking: WakeUpsByStep) => void woken.push(waking) } as never);
});

function clusterOf(containers: number): DiscoveredCluster {
  const workload = { namespace: 'shop', workload: 'cart', workloadType: 'deployment' };
  const names = Array.from({ length: containers }, (_, index) => `app-${index}`);
  return {
    namespaces: ['shop'],
    workloads: [workload],
    containers: names.map((container) => ({ ...workload, container, image: 'i', pods: 1 })),
  };
}

const settingsOf = (more: Record<string, string>) => readSettings({ PROMETHEUS_URL: 'http://127.0.0.1:9', SHARD_SIZE: '2', ...more });

/** What threads, Kafka and receivers do takes a turn of the event loop: who does not wait for it is seen. */
const later = async <T>(value: () => T): Promise<T> => {
  await new Promise((done) => setTimeout(done, 20));
  return value();
};
let discoverBy: (ask: DiscoveryRequest, signal: AbortSignal) => Promise<unknown>;
const threads = {
  discover: (ask: DiscoveryRequest, signal: AbortSignal) => discoverBy(ask, signal),
  measure: () => later(() => measurements),
} as never;
const publisher = {
  publish: async (messages: readonly Message[]) => {
    expect(++publishing).toBe(1);
    await isAnswered;
    return later(() => {
      publishing--;
      published.push(...messages);
      return messages.map(({ key }) => results[key] ?? { status: 'acknowledged' });
    });
  },
} as never;
const receiver = {
  call: async ({ url, deliveryId, bodies, maxBytes }: WebhookCall, { signal }: { signal: AbortSignal }) => {
    signal.throwIfAborted();
    const measured = await measureBody(bodies, { maxBytes });
    await betweenRenderings();
    called.push({ url, deliveryId, body: await textOf(new BodyRendering(measured!).parts()) });
    return answer;
  },
} as never;

function stepsWith(more: Record<string, string> = {}) {
  const settings = settingsOf(more);
  const sources = new Datasources(settings);
  return {
    discover: new DiscoverStep(flow.jobs, sources, new MetadataProfiles(settings), threads, ended, settings),
    measure: new MeasureStep(flow.jobs, flow.shards, sources, threads, ended),
    publish: new PublishStep(flow.jobs, flow.shards, flow.outcomes, publisher, ended, settings),
    finish: new FinishStep(flow.jobs, flow.shards, flow.reader, publisher, settings),
    notify: new NotifyStep(flow.jobs, flow.reader, receiver, settings),
  };
}

const jobOf = async (id: string) => (await flow.jobs.find(id))!;
const lastError = async ({ step }: Lease) => (await flow.row('SELECT last_error FROM attempt WHERE step = $1', [step])).last_error;
const outcomes = () =>
  flow.database.query('SELECT experiment_name AS name, status, notifications, publish_error AS error FROM outcome ORDER BY 1');
const kinds = () => published.map(({ kind }) => kind);

async function textOf(parts: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const part of parts) text += part;
  return text;
}

describe('discovery', () => {
  it('commits shards of the size that is set, and wakes who measures them', async () => {
    cluster = clusterOf(3);
    const id = await flow.submit();
    const waking = await stepsWith().discover.run(await flow.lease('discover'), never);
    expect(waking).toEqual({
      measure: [
        { jobId: id, shard: 0 },
        { jobId: id, shard: 1 },
      ],
      publish: [],
    });
    expect(await jobOf(id)).toMatchObject({ status: 'IN_PROGRESS', totalExperiments: 3 });
    expect((await jobOf(id)).notifications).toEqual({});
    expect((await flow.shards.plannedOf(id, 0))?.length).toBe(2);
  });

  it.each([
    [365, '2min', 2],
    [365, '15min', 17],
    [15, '15min', 20],
  ])('makes shards no larger than their usage allows: %d days of %s', async (duration_in_days, measurement_duration, size) => {
    cluster = clusterOf(40);
    const terms = [{ name: 'own', duration_in_days }];
    const id = await flow.submit({ request: { term_settings: { terms }, measurement_duration } });
    await stepsWith({ SHARD_SIZE: '20' }).discover.run(await flow.lease('discover'), never);
    const { largest } = await flow.row('SELECT max(experiment_count) AS largest FROM shard WHERE job_id = $1', [id]);
    expect(largest).toBeLessThanOrEqual(size);
    expect(largest).toBeGreaterThan(size / 2);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['has ended', () => flow.database.query(`UPDATE bulk_job SET status = 'FAILED'`)],
    ['is planned', () => flow.database.query('UPDATE bulk_job SET planned_at = now()')],
  ])('stops where the job %s meanwhile', async (_, change) => {
    await flow.submit();
    const lease = await flow.lease('discover');
    await change();
    await expect(stepsWith().discover.run(lease, never)).rejects.toThrow(Stopped);
  });

  it.each([
    ['an unknown datasource', { datasources: ['nowhere'] }, 'Datasource not registered'],
    ['an unknown profile', { metadata_profile: 'nothing' }, 'Metadata profile not found'],
  ])('fails the job for %s', async (_, request, message) => {
    await flow.submit({ request });
    const failed = stepsWith().discover.run(await flow.lease('discover'), never);
    await expect(failed).rejects.toThrow(JobFailure);
    await expect(failed).rejects.toThrow(message);
  });

  it.each([
    ['2', 3, false],
    ['3', 3, true],
    ['0', 3, true],
    ['1', 0, true],
  ])('with bulkapilimit %s and %d experiments: is planned %s', async (bulkapilimit, count, isPlanned) => {
    cluster = clusterOf(count);
    const id = await flow.submit({ request: { experiment_types: ['container'] } });
    const run = stepsWith({ bulkapilimit }).discover.run(await flow.lease('discover'), never);
    if (!isPlanned) await expect(run).rejects.toThrow('exceeds the defined limit');
    await run.catch(() => undefined);
    expect((await jobOf(id)).plannedAt !== null).toBe(isPlanned);
  });

  it('ends a job without experiments, and says that there is nothing to do', async () => {
    cluster = { namespaces: [], workloads: [], containers: [] };
    const id = await flow.submit(webhook);
    const waking = await stepsWith().discover.run(await flow.lease('discover'), never);
    expect(waking).toEqual({ notify: [{ jobId: id }], publish: [], finish: [{ jobId: id }] });
    expect(await jobOf(id)).toMatchObject({ status: 'COMPLETED', notifications: { '200': { message: 'Nothing to do.' } } });
  });

  it('asks no other datasource further once one has failed', async () => {
    const datasources = ['prometheus-1', 'other'];
    await flow.submit({ datasources, request: { datasources } });
    let other: AbortSignal | undefined;
    discoverBy = ({ datasource }, signal) => {
      if (datasource.name === 'other') other = signal;
      return datasource.name === 'other' ? new Promise(() => undefined) : later(() => Promise.reject(bug));
    };
    await expect(stepsWith({ DATASOURCES_FILE: otherDatasource }).discover.run(await flow.lease('discover'), never)).rejects.toBe(bug);
    expect(other?.aborted).toBe(true);
  });

  it('tells of a partial answer', async () => {
    warnings = ['a store is away'];
    const id = await flow.submit();
    await stepsWith().discover.run(await flow.lease('discover'), never);
    expect((await jobOf(id)).notifications).toMatchObject({ '206': { message: expect.stringContaining('a store is away') } });
  });

  it.each(['pending', 'off'] as const)(
    'fails experiments of one name, and has them published where publication is %s',
    async (publication) => {
      cluster = clusterOf(2);
      const id = await flow.submit({ publication, request: { experiment_types: ['container'] } });
      const waking = await stepsWith({ experimentNameFormat: '%namespace%' }).discover.run(await flow.lease('discover'), never);
      expect(await outcomes()).toMatchObject([{ name: 'shop', status: 'FAILED', notifications: { '409': { type: 'ERROR' } } }]);
      expect((await outcomes())[0].notifications['409'].message).toContain('deployment shop/cart, container app-0');
      const isOff = publication === 'off';
      expect(waking).toEqual({ notify: [], ...(!isOff && { publish: [{ jobId: id, shard: 0 }], finish: [] }) });
    },
  );

  it('names namespaces that have one name as such', async () => {
    cluster = { ...clusterOf(0), namespaces: ['shop', 'yard'] };
    await flow.submit({ request: { experiment_types: ['namespace'] } });
    await stepsWith({ experimentNameFormat: '%datasource%' }).discover.run(await flow.lease('discover'), never);
    expect((await outcomes())[0].notifications['409'].message).toContain('namespace shop, namespace yard');
  });

  it('wakes who publishes clashes while the rest is measured', async () => {
    cluster = { ...clusterOf(2), namespaces: ['yard'] };
    const id = await flow.submit({ request: { experiment_types: ['container', 'namespace'] } });
    const waking = await stepsWith({ experimentNameFormat: '%namespace%' }).discover.run(await flow.lease('discover'), never);
    expect(waking).toEqual({ measure: [{ jobId: id, shard: 0 }], publish: [{ jobId: id, shard: 1 }] });
  });

  it('that is given up fails the job with the reason', async () => {
    const id = await flow.submit();
    const lease = await flow.lease('discover');
    expect(await stepsWith().discover.giveUp(lease, bug)).toEqual({ notify: [], publish: [], finish: [{ jobId: id }] });
    expect(await jobOf(id)).toMatchObject({ status: 'FAILED', notifications: { '500': { message: 'a bug' } } });
    expect(await lastError(lease)).toBe('a bug');
  });
});

describe('measuring a shard', () => {
  it('commits what came out, and wakes who publishes it', async () => {
    const id = await flow.plan([2, 1]);
    measurements = [
      { status: 'PROCESSED', recommendation: packRecommendation('[1]') },
      { status: 'FAILED', notifications: cancelled },
    ];
    expect(await stepsWith().measure.run(await flow.lease('measure'), never)).toEqual({ publish: [{ jobId: id, shard: 0 }] });
    expect(await outcomes()).toMatchObject([
      { status: 'PROCESSED', notifications: null },
      { status: 'FAILED', notifications: cancelled },
    ]);
    expect((await flow.outcomes.ofShard(id, 0)).map(({ recommendationJson }) => recommendationJson)).toEqual(['[1]', undefined]);
  });

  it('ends the job with its last shard, and wakes what waits then', async () => {
    const id = await flow.plan([1], webhook);
    measurements = [{ status: 'FAILED', notifications: cancelled }];
    const info = jest.spyOn(logger, 'info');
    const waking = await stepsWith().measure.run(await flow.lease('measure'), never);
    expect(waking).toEqual({ notify: [{ jobId: id }], publish: [{ jobId: id, shard: 0 }], finish: [] });
    expect((await jobOf(id)).status).toBe('COMPLETED');
    expect(info).toHaveBeenCalledWith(expect.objectContaining({ jobId: id, status: 'COMPLETED', failed: 1 }), 'a job ended');
  });

  it('stops where the job has ended, or the shard has its outcomes', async () => {
    const id = await flow.plan([1, 1]);
    const [first, second] = [await flow.lease('measure'), await flow.lease('measure')];
    await flow.database.query(`UPDATE shard SET state = 'recommended', experiments = NULL WHERE number = 0`);
    await expect(stepsWith().measure.run(first, never)).rejects.toThrow(Stopped);
    await expect(stepsWith().measure.giveUp(first, bug)).rejects.toThrow(Stopped);
    await ended.end(id, cancelled);
    await expect(stepsWith().measure.run(second, never)).rejects.toThrow(Stopped);
  });

  it('stops where the job has ended though its shard is still planned', async () => {
    await flow.plan([1]);
    const lease = await flow.lease('measure');
    await flow.database.query(`UPDATE bulk_job SET status = 'COMPLETED'`);
    await expect(stepsWith().measure.run(lease, never)).rejects.toThrow(Stopped);
  });

  it('fails the job whose datasource is not known any more', async () => {
    await flow.plan([1], { datasources: ['gone'] });
    await expect(stepsWith().measure.run(await flow.lease('measure'), never)).rejects.toThrow(JobFailure);
  });

  it('that is given up fails its experiments with the reason', async () => {
    const id = await flow.plan([2, 1]);
    const lease = await flow.lease('measure');
    expect(await stepsWith().measure.giveUp(lease, bug)).toEqual({ publish: [{ jobId: id, shard: 0 }] });
    const failed = { status: 'FAILED', notifications: { '500': { message: expect.stringContaining('a bug') } } };
    expect(await outcomes()).toMatchObject([failed, failed]);
    expect(await lastError(lease)).toBe('a bug');
  });
});

describe('publishing a shard', () => {
  const measured = async (): Promise<string> => {
    const id = await flow.plan([2, 1]);
    measurements = [
      { status: 'PROCESSED', recommendation: packRecommendation('[{}]') },
      { status: 'FAILED', notifications: cancelled },
    ];
    await stepsWith().measure.run(await flow.lease('measure'), never);
    return id;
  };

  it('sends a record of each experiment, and notes which were refused', async () => {
    const id = await measured();
    results = { 's000-0001': { status: 'failed', reason: 'too large' } };
    expect(await stepsWith().publish.run(await flow.lease('publish'))).toEqual({});
    expect(kinds()).toEqual(['recommendation', 'failure']);
    expect(await outcomes()).toMatchObject([
      { name: 's000-0000', error: null },
      { name: 's000-0001', error: 'too large' },
    ]);
    expect((await flow.shards.find(id, 0))?.state).toBe('published');
  });

  it('sends once what the other topics take while one is refused, and ends with it', async () => {
    const id = await measured();
    await flow.measure();
    const other = await measured();
    await flow.database.query(`UPDATE outcome SET publish_error = 'of others' WHERE job_id = $1 OR shard_number = 1`, [other]);
    const refused = new PublicationError('not-authorized', 'no right', { about: { topic: 'error-topic', operation: 'write' } });
    results = { 's000-0000': { status: 'failed', reason: 'too large' }, 's000-0001': { status: 'waits', error: refused } };
    const lease = await flow.lease('publish');
    await expect(stepsWith().publish.run(lease)).rejects.toBe(refused);
    expect(await flow.shards.find(id, 0)).toMatchObject({ state: 'recommended', sentTopics: ['recommendations-topic'] });
    expect([(await flow.shards.find(id, 1))?.sentTopics, (await flow.shards.find(other, 0))?.sentTopics]).toEqual([[], []]);
    expect((await outcomes()).filter(({ error }: { error: string }) => error === 'too large')).toMatchObject([{ name: 's000-0000' }]);

    [published, results] = [[], {}];
    await flow.leases.release(lease, { counts: false, pauseMs: 0 });
    await stepsWith().publish.run(await flow.lease('publish'));
    expect(kinds()).toEqual(['failure']);
    expect(await flow.shards.find(id, 0)).toMatchObject({ state: 'published', publishFailedCount: 1 });
  });

  it('notes nothing of a shard whose lease is lost meanwhile', async () => {
    const id = await measured();
    const refused = new PublicationError('not-authorized', 'no right', { about: { topic: 'error-topic', operation: 'write' } });
    results = { 's000-0001': { status: 'waits', error: refused } };
    const lease = await flow.lease('publish');
    await flow.expireLeases();
    await flow.lease('publish');
    await expect(stepsWith().publish.run(lease)).rejects.toThrow(LeaseLost);
    expect((await flow.shards.find(id, 0))?.sentTopics).toEqual([]);
  });

  it('notes what KAFKA_TOPICS leaves out as not published', async () => {
    const id = await measured();
    results = { 's000-0000': { status: 'left-out', reason: 'not in KAFKA_TOPICS' } };
    await stepsWith().publish.run(await flow.lease('publish'));
    expect((await outcomes())[0]).toMatchObject({ name: 's000-0000', error: 'not in KAFKA_TOPICS' });
    expect(await flow.shards.find(id, 0)).toMatchObject({ publishFailedCount: 1 });
  });

  it('is done when Kafka has acknowledged, not before', async () => {
    const id = await measured();
    let acknowledge: () => void = () => undefined;
    isAnswered = new Promise((done) => (acknowledge = done));
    const run = stepsWith().publish.run(await flow.lease('publish'));
    await new Promise((done) => setTimeout(done, 300));
    expect((await flow.shards.find(id, 0))?.state).toBe('recommended');
    acknowledge();
    await run;
    expect((await flow.shards.find(id, 0))?.state).toBe('published');
  });

  it('wakes who finishes the job after its last shard', async () => {
    const id = await measured();
    await flow.measure();
    const { publish } = stepsWith();
    expect(await publish.run(await flow.lease('publish'))).toEqual({ notify: [], publish: [{ jobId: id, shard: 1 }], finish: [] });
    expect(await publish.run(await flow.lease('publish'))).toEqual({ notify: [], publish: [], finish: [{ jobId: id }] });
  });

  it.each<[string, string]>([
    ['is published', `UPDATE shard SET state = 'published'`],
    ['needs no publication', `UPDATE bulk_job SET publication = 'off'`],
  ])('stops where it %s', async (_, change) => {
    await measured();
    const lease = await flow.lease('publish');
    await flow.database.query(change);
    await expect(stepsWith().publish.run(lease)).rejects.toThrow(Stopped);
    expect(published).toEqual([]);
  });

  it('that is given up notes the reason for each experiment', async () => {
    const id = await measured();
    const lease = await flow.lease('publish');
    await stepsWith().publish.giveUp(lease, bug);
    expect((await outcomes()).map(({ error }: { error: string }) => error)).toEqual(['a bug', 'a bug']);
    expect((await flow.shards.find(id, 0))?.state).toBe('published');
    expect(await lastError(lease)).toBe('a bug');
  });
});

describe('finishing a job', () => {
  const allPublished = async (): Promise<string> => {
    const id = await flow.plan([1]);
    await flow.measure();
    await stepsWith().publish.run(await flow.lease('publish'));
    published = [];
    return id;
  };

  it('sends the summary, then notes it; other jobs stay as they are', async () => {
    const other = await flow.submit({ startedAt: new Date(Date.now() + 60_000) });
    const id = await allPublished();
    expect(await stepsWith().finish.run(await flow.lease('finish'))).toEqual({});
    expect(kinds()).toEqual(['summary']);
    expect([(await jobOf(id)).publication, (await jobOf(other)).publication]).toEqual(['published', 'pending']);
  });

  it('sends the error record of a failed job before its summary', async () => {
    const id = await flow.submit();
    await ended.end(id, cancelled);
    await stepsWith().finish.run(await flow.lease('finish'));
    expect(kinds()).toEqual(['jobFailure', 'summary']);
  });

  it('sends no summary where the error record is refused', async () => {
    const id = await flow.submit();
    await ended.end(id, cancelled);
    results = { [id]: { status: 'failed', reason: 'too large' } };
    await expect(stepsWith().finish.run(await flow.lease('finish'))).rejects.toThrow('jobFailure was refused. too large');
    expect(kinds()).toEqual(['jobFailure']);
    expect((await jobOf(id)).publication).toBe('pending');
  });

  it('notes nothing where the summary is refused', async () => {
    const id = await allPublished();
    results = { [id]: { status: 'failed', reason: 'too large' } };
    const lease = await flow.lease('finish');
    await expect(stepsWith().finish.run(lease)).rejects.toThrow('too large');
    expect((await jobOf(id)).publication).toBe('pending');
    expect(await stepsWith().finish.giveUp(lease, bug)).toEqual({});
    expect(await jobOf(id)).toMatchObject({
      publication: 'failed',
      notifications: { '500': { message: expect.stringContaining('a bug') } },
    });
    expect(await lastError(lease)).toContain('a bug');
  });

  it('notes nothing while its topic is refused', async () => {
    const id = await allPublished();
    const lease = await flow.lease('finish');
    const refused = new PublicationError('topic-missing', 'none', { about: { topic: 'summary-topic', operation: 'write' } });
    results = { [id]: { status: 'waits', error: refused } };
    await expect(stepsWith().finish.run(lease)).rejects.toBe(refused);
    expect((await jobOf(id)).publication).toBe('pending');
  });

  it('takes a topic that is left out for done', async () => {
    const id = await allPublished();
    results = { [id]: { status: 'left-out', reason: 'not in KAFKA_TOPICS' } };
    await stepsWith().finish.run(await flow.lease('finish'));
    expect((await jobOf(id)).publication).toBe('published');
  });

  it.each<[string, string]>([
    ['the job goes on', `UPDATE bulk_job SET status = 'IN_PROGRESS'`],
    ['a shard is not published', `UPDATE shard SET state = 'recommended'`],
    ['it is finished', `UPDATE bulk_job SET publication = 'published'`],
  ])('stops where %s', async (_, change) => {
    await allPublished();
    const lease = await flow.lease('finish');
    await flow.database.query(change);
    await expect(stepsWith().finish.run(lease)).rejects.toThrow(Stopped);
    expect(published).toEqual([]);
  });

  it('does not wait for jobs that are not planned yet', async () => {
    await flow.submit();
    expect(await flow.leases.next('finish', [], [])).toBeUndefined();
  });
});

describe('calling the webhook', () => {
  const endedJob = async (): Promise<string> => {
    const id = await flow.plan([1], webhook);
    await flow.measure();
    return id;
  };

  it('sends the job, then notes it', async () => {
    const id = await endedJob();
    expect(await stepsWith().notify.run(await flow.lease('notify'), never)).toEqual({});
    expect(called.map(({ url, deliveryId }) => [url, deliveryId])).toEqual([['http://127.0.0.1:9/', id]]);
    expect(JSON.parse(called[0]!.body)).toMatchObject([{ summary: { jobID: id }, experimentMap: { 's000-0000': {} } }]);
    expect((await jobOf(id)).webhook).toEqual({ status: 'COMPLETED' });
  });

  it.each([
    [undefined, '/bulk'],
    ['https://sizes.example/base/', 'https://sizes.example/base/bulk'],
  ])('sends the summary and a link where the body would be too large: PUBLIC_URL %s', async (PUBLIC_URL, address) => {
    const id = await flow.plan([40], webhook);
    await flow.measure();
    const settings = { WEBHOOK_MAX_BYTES: '20000', ...(PUBLIC_URL && { PUBLIC_URL }) };
    await stepsWith(settings).notify.run(await flow.lease('notify'), never);
    const [{ summary, experimentMap }] = JSON.parse(called[0]!.body);
    expect(experimentMap).toEqual({});
    expect(summary).toMatchObject({ jobID: id, total_experiments: 40, notifications: { '413': { type: 'WARNING' } } });
    expect(summary.notifications['413'].message).toContain(
      `GET ${address}?job_id=${id}&include=summary,experiments,metadata returns all of it`,
    );
    expect(called[0]!.body.length).toBeLessThan(20_000);
  });

  it.each([
    ['of many experiments', 'exclude', 40],
    ['without experiments', 'include', 0],
  ])('cuts the request too where the summary alone would be too large: a job %s', async (_, part, count) => {
    const namespace = Array.from({ length: 6_000 }, (__, index) => `a-namespace-with-a-name-${index}`);
    const id = await flow.plan(count > 0 ? [count] : [], { request: { ...webhook.request, filter: { [part]: { namespace } } } });
    if (count > 0) await flow.measure();
    await stepsWith({ WEBHOOK_MAX_BYTES: '10000' }).notify.run(await flow.lease('notify'), never);
    const [{ summary, experimentMap }] = JSON.parse(called[0]!.body);
    expect(Buffer.byteLength(called[0]!.body)).toBeLessThanOrEqual(10_000);
    expect(experimentMap).toEqual({});
    expect(summary).toMatchObject({ jobID: id, status: 'COMPLETED', total_experiments: count, notifications: { '413': { code: 413 } } });
    expect(summary).not.toHaveProperty('input');
  });

  it('shortens notifications where the body would be too large with them', async () => {
    const id = await flow.plan([], webhook);
    const notifications = { '206': { type: 'WARNING', message: 'x'.repeat(20_000), code: 206 } };
    await flow.database.query('UPDATE bulk_job SET notifications = $2 WHERE id = $1', [id, notifications]);
    await stepsWith({ WEBHOOK_MAX_BYTES: '10000' }).notify.run(await flow.lease('notify'), never);
    const [{ summary }] = JSON.parse(called[0]!.body);
    expect(summary.notifications).toMatchObject({ '206': { message: 'x'.repeat(200) }, '413': { code: 413 } });
  });

  it('sends the bytes that were measured, also where records are published meanwhile', async () => {
    const id = await flow.plan([2, 2], webhook);
    await flow.measure();
    await flow.measure();
    const publish = async () => {
      const lease = await flow.lease('publish');
      await flow.shards.markPublished(lease, new Map([[nameOf(lease.shard, 0), 'refused']]), new Date());
    };
    await publish();
    betweenRenderings = publish;
    await stepsWith().notify.run(await flow.lease('notify'), never);
    expect((await flow.reader.summary(await jobOf(id))).published_experiments).toBe(2);
    const [{ summary, experimentMap }] = JSON.parse(called[0]!.body);
    expect(summary.published_experiments).toBe(1);
    expect(Object.values(experimentMap as Record<string, { status: string }>).map(({ status }) => status)).toEqual([
      'PUBLISH_FAILED',
      'PUBLISHED',
      'PROCESSED',
      'PROCESSED',
    ]);
  });

  it('stops the call when it is stopped', async () => {
    const id = await flow.plan([], webhook);
    await expect(stepsWith().notify.run(await flow.lease('notify'), AbortSignal.abort(bug))).rejects.toBe(bug);
    expect([called, (await jobOf(id)).webhook]).toMatchObject([[], { status: 'IN_PROGRESS' }]);
  });

  it('notes a receiver that refuses', async () => {
    const notification = { type: 'ERROR', message: 'refused', code: 403 } as const;
    answer = { status: 'FAILED', notification };
    const id = await endedJob();
    await stepsWith().notify.run(await flow.lease('notify'), never);
    expect((await jobOf(id)).webhook).toEqual({ status: 'FAILED', notifications: notification });
  });

  it('stops where it is called already', async () => {
    await endedJob();
    const lease = await flow.lease('notify');
    await flow.database.query(`UPDATE bulk_job SET webhook = '{"status": "COMPLETED"}'`);
    await expect(stepsWith().notify.run(lease, never)).rejects.toThrow(Stopped);
    expect(called).toEqual([]);
  });

  it('that is given up notes the reason', async () => {
    const id = await endedJob();
    const lease = await flow.lease('notify');
    expect(await stepsWith().notify.giveUp(lease, bug)).toEqual({});
    expect((await jobOf(id)).webhook).toMatchObject({ status: 'FAILED', notifications: { message: 'a bug' } });
    expect(await lastError(lease)).toBe('a bug');
  });
});

describe('ending a job from outside', () => {
  it('says whether it did, and wakes what waits then', async () => {
    const id = await flow.plan([1], webhook);
    expect(await ended.end(id, cancelled)).toBe(true);
    expect(woken).toEqual([{ notify: [{ jobId: id }], publish: [{ jobId: id, shard: 0 }], finish: [] }]);
    expect(await ended.end(id, cancelled)).toBe(false);
    expect(woken).toHaveLength(1);
  });

  it.each([
    ['info', cancelled, 'cancelled'],
    ['warn', { '503': { type: 'ERROR', message: 'cannot be reached', code: 503 } } as const, 'cannot be reached'],
  ] as const)('is logged once, as %s, with reason, counts and duration', async (level, notifications, reason) => {
    const id = await flow.plan([2]);
    const spies = { info: jest.spyOn(logger, 'info'), warn: jest.spyOn(logger, 'warn') };
    await ended.end(id, notifications);
    await ended.end(id, notifications);
    const logged = (of: keyof typeof spies) =>
      spies[of].mock.calls.filter(([, text]) => (text as unknown) === 'a job ended').map(([fields]) => fields);
    expect(logged(level)).toEqual([
      expect.objectContaining({
        jobId: id,
        status: 'FAILED',
        reason,
        experiments: 2,
        processed: 2,
        failed: 2,
        seconds: expect.any(Number),
      }),
    ]);
    expect(logged(level === 'info' ? 'warn' : 'info')).toEqual([]);
  });

  it('keeps what discovery had to tell, and counts every experiment in the records', async () => {
    const id = await flow.plan([1, 2]);
    await flow.database.query(`UPDATE bulk_job SET notifications = '{"206": {"message": "partial"}}'`);
    await ended.end(id, cancelled);
    expect(Object.keys((await jobOf(id)).notifications)).toEqual(['206', '499']);
    expect(await flow.shards.find(id, 0)).toMatchObject({ processedSoFar: 3 });
  });

  it('leaves nothing waiting of a job that goes on, or does not exist', async () => {
    expect(await ended.pendingSteps(await flow.plan([1], webhook))).toEqual({});
    expect(await ended.pendingSteps('00000000-0000-4000-8000-000000000000')).toEqual({});
  });
});
