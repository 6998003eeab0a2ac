import { beforeEach, describe, expect, it } from '@jest/globals';
import type { WakeUp } from '../src/bulk/steps.js';
import { SubmitJob } from '../src/bulk/submit-job.js';
import { Datasources } from '../src/datasource/datasources.js';
import { MetadataProfiles } from '../src/profiles/metadata-profile.js';
import { readSettings } from '../src/settings/read-settings.js';
import { type JobFlow, useJobFlow } from './job-flow.js';

/** Uses a real database; Kafka and the queue are fakes. */
let flow: JobFlow;
let woken: string[];

useJobFlow((opened) => {
  flow = opened;
});

beforeEach(async () => {
  woken = [];
});

function submitterWith({ isOn = true } = {}) {
  const settings = readSettings({ PROMETHEUS_URL: 'http://127.0.0.1:9' });
  const wakeUps = { wake: async (step: string, { jobId }: WakeUp) => woken.push(`${step} ${jobId}`) };
  const stores = [flow.jobs, new Datasources(settings), new MetadataProfiles(settings)] as const;
  return new SubmitJob(...stores, { isOn } as never, wakeUps as never, settings);
}

const submit = (body: unknown, idempotencyKey?: string) => submitterWith().submit(body, idempotencyKey);
const jobOf = async (id: string) => (await flow.jobs.find(id))!;
const jobCount = async () => Number((await flow.row('SELECT count(*) FROM bulk_job')).count);

describe('a request', () => {
  it('becomes a job with pending discovery', async () => {
    const request = { datasources: ['prometheus-1'], metadata_profile: 'cluster-metadata-local-monitoring' };
    const id = await submit(request);
    expect(await jobOf(id)).toMatchObject({ status: 'IN_PROGRESS', request, datasources: ['prometheus-1'], deadlineAt: null });
    expect(woken).toEqual([`discover ${id}`]);
  });

  it('is the same whether its key is in the body or in the header', async () => {
    const id = await submit({ datasource: 'prometheus-1', requestId: 'key' });
    expect(await submit({ datasource: 'prometheus-1' }, 'key')).toBe(id);
    expect(await jobCount()).toBe(1);
  });

  it('has a deadline relative to its start', async () => {
    const { startedAt, deadlineAt } = await jobOf(await submit({ deadline: '2h' }));
    expect(deadlineAt!.getTime() - startedAt.getTime()).toBe(2 * 3_600_000);
  });

  it.each([
    [true, 'pending'],
    [false, 'off'],
  ])('has records to publish if Kafka is configured: %s', async (isOn, publication) => {
    expect(await jobOf(await submitterWith({ isOn }).submit({}))).toMatchObject({ publication });
  });

  it.each([
    ['an unknown field', { colour: 'red' }, 'Unrecognized field "colour" (field: colour)'],
    ['an unknown datasource', { datasource: 'nowhere' }, '(field: datasource)'],
    ['an unknown profile', { metadata_profile: 'nothing' }, '(field: metadata_profile)'],
    ['no body', undefined, 'No content'],
  ])('with %s is rejected and stores nothing', async (_, body, message) => {
    await expect(submit(body)).rejects.toMatchObject({ status: 400, message: expect.stringContaining(message) });
    expect([await jobCount(), woken]).toEqual([0, []]);
  });
});

describe('a key', () => {
  const body = { filter: { include: { namespace: ['shop', 'yard'], labels: { team: 'a', tier: 'b' } } }, threshold: 0.2 };
  const reordered = { threshold: 0.2, filter: { include: { labels: { tier: 'b', team: 'a' }, namespace: ['shop', 'yard'] } } };
  const other = { ...body, filter: { include: { namespace: ['yard'] } } };

  it.each([
    ['requestId', (request: object) => submit({ ...request, requestId: 'one' })],
    ['Idempotency-Key', (request: object) => submit(request, ' one ')],
  ])('in %s identifies one job, whatever the order of members, and is rejected with another body', async (_, send) => {
    const id = await send(body);
    expect(await send(body)).toBe(id);
    expect(await send(reordered)).toBe(id);
    await expect(send(other)).rejects.toMatchObject({ status: 409, message: expect.stringContaining('different payload: one') });
    expect([await jobCount(), woken]).toEqual([1, [`discover ${id}`]]);
  });

  it('that is blank is ignored', async () => {
    expect(await submit(body, ' ')).not.toBe(await submit(body, ' '));
    expect(await jobCount()).toBe(2);
  });

  it('has at most 512 characters', async () => {
    const longest = 'x'.repeat(512);
    expect(await submit(body, longest)).toBe(await submit(body, longest));
    await expect(submit(body, `${longest}x`)).rejects.toMatchObject({ status: 400, message: expect.stringContaining('Idempotency-Key') });
  });
});
