import { randomUUID } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { LeaseLost, Stopped } from '../src/bulk/lease-rows.js';
import { packRecommendation } from '../src/experiments/documents.js';
import { readView, renderJob } from '../src/rest/bulk-view.js';
import { experimentNamed, type JobFlow, nameOf, outcomesOf, useJobFlow } from './job-flow.js';
import { meanwhile } from './meanwhile.js';

const cancelled = { '499': { type: 'ERROR', message: 'cancelled', code: 499 } } as const;
const withoutRecommendations = { withRecommendations: false };
const emptyPlan = { shards: [], failed: [], notifications: {}, metadata: {}, at: new Date() };
const webhook = { request: { webhook: { url: 'http://127.0.0.1:9/' } } };

let flow: JobFlow;

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

useJobFlow((opened) => {
  flow = opened;
});

const statusOf = async (id: string) => (await flow.jobs.find(id))?.status;
const shardStates = async () =>
  (await flow.database.query('SELECT state FROM shard ORDER BY number')).map(({ state }: { state: string }) => state);
const outcomeCount = async () => Number((await flow.row('SELECT count(*) FROM outcome')).count);

describe('submitting', () => {
  it('stores one job per dedupe key and returns the existing one', async () => {
    const first = await flow.submit({ dedupeKey: 'key', requestHash: 'one' });
    const given = {
      request: {},
      datasources: [],
      publication: 'off' as const,
      usageEnd: new Date(),
      startedAt: new Date(),
      deadlineAt: null,
    };
    const again = { ...given, id: '00000000-0000-4000-8000-000000000000', dedupeKey: 'key' };
    expect(await flow.jobs.submit({ ...again, requestHash: 'one' })).toEqual({ id: first, isNew: false, waits: false });
    await expect(flow.jobs.submit({ ...again, requestHash: 'two' })).rejects.toThrow('different payload: key');
    expect(await flow.row('SELECT count(*)::int FROM bulk_job')).toEqual({ count: 1 });
  });
});

describe('a plan', () => {
  it('is rejected without the lease, and writes nothing', async () => {
    await flow.submit();
    const stale = await flow.lease('discover');
    await flow.expireLeases();
    await flow.lease('discover');
    const shards = [{ number: 0, experiments: [experimentNamed('a')] }];
    await expect(flow.jobs.plan(stale, { ...emptyPlan, shards })).rejects.toThrow(LeaseLost);
    expect(await shardStates()).toEqual([]);
  });

  it('is rejected for a job that has ended', async () => {
    const id = await flow.submit();
    const lease = await flow.lease('discover');
    await flow.jobs.fail(id, cancelled, new Date());
    const shards = [{ number: 0, experiments: [experimentNamed('a')] }];
    await expect(flow.jobs.plan(lease, { ...emptyPlan, shards })).rejects.toThrow(Stopped);
    expect(await shardStates()).toEqual([]);
  });

  it('is committed once', async () => {
    await flow.plan([1]);
    const [{ job_id: jobId, fence }] = await flow.database.query('SELECT job_id, fence FROM attempt');
    const lease = { step: 'discover', jobId, shard: -1, fence, attempts: 1, datasources: [] } as const;
    await expect(flow.jobs.plan(lease, emptyPlan)).rejects.toThrow(Stopped);
  });

  it('changes no other job', async () => {
    await flow.submit({ startedAt: new Date(0) });
    const other = await flow.submit();
    await flow.jobs.plan(await flow.lease('discover'), emptyPlan);
    expect(await flow.jobs.find(other)).toMatchObject({ plannedAt: null });
  });

  it('without experiments completes the job', async () => {
    const id = await flow.submit();
    expect(await flow.jobs.plan(await flow.lease('discover'), emptyPlan)).toBe(true);
    expect(await statusOf(id)).toBe('COMPLETED');
  });

  it('with experiments does not complete it; one with only clashes does', async () => {
    await flow.submit();
    const shards = [{ number: 0, experiments: [experimentNamed('a')] }];
    expect(await flow.jobs.plan(await flow.lease('discover'), { ...emptyPlan, shards })).toBe(false);
    await flow.submit();
    const failed = [{ experiment: experimentNamed('b'), existed: false, status: 'FAILED' }] as const;
    expect(await flow.jobs.plan(await flow.lease('discover'), { ...emptyPlan, failed })).toBe(true);
  });

  it('records which experiments existed before', async () => {
    await flow.plan([2]);
    const id = await flow.plan([3]);
    expect(await flow.jobs.progressOf(id)).toEqual({ processed: 0, failed: 0, existing: 2, published: 0 });
  });
});

describe('the outcomes of a shard', () => {
  it('are rejected without the lease, and nothing is written', async () => {
    await flow.plan([2]);
    const stale = await flow.lease('measure');
    const outcomes = await outcomesOf(flow.shards, stale);
    await flow.expireLeases();
    await flow.lease('measure');
    await expect(flow.shards.commit(stale, outcomes, new Date())).rejects.toThrow(LeaseLost);
    expect([await shardStates(), await outcomeCount()]).toEqual([['planned'], 0]);
  });

  it('are rejected if the shard already has outcomes', async () => {
    const id = await flow.plan([1]);
    const lease = await flow.lease('measure');
    const outcomes = await outcomesOf(flow.shards, lease);
    await flow.jobs.fail(id, cancelled, new Date());
    await expect(flow.shards.commit(lease, outcomes, new Date())).rejects.toThrow(Stopped);
    expect(await flow.row('SELECT count(*)::int, min(status) AS status FROM outcome')).toEqual({ count: 1, status: 'FAILED' });
  });

  it('complete the job with the last shard, not earlier', async () => {
    const id = await flow.plan([1, 1], webhook);
    expect((await flow.measure()).hasEnded).toBe(false);
    expect((await flow.jobs.find(id))?.webhook).toBeNull();
    expect(await statusOf(id)).toBe('IN_PROGRESS');
    expect((await flow.measure()).hasEnded).toBe(true);
    expect(await flow.jobs.find(id)).toMatchObject({ status: 'COMPLETED', webhook: { status: 'IN_PROGRESS' } });
  });

  it('count the processed experiments in the order of the commits', async () => {
    await flow.plan([2, 3, 4]);
    for (let shard = 0; shard < 3; shard++) await flow.measure(shard === 1 ? 'FAILED' : 'PROCESSED');
    const rows = await flow.database.query('SELECT processed_so_far AS so_far, failed_count AS failed FROM shard ORDER BY number');
    expect(rows).toEqual([
      { so_far: 2, failed: 0 },
      { so_far: 5, failed: 3 },
      { so_far: 9, failed: 0 },
    ]);
  });

  it('committed concurrently complete the job exactly once, with distinct counts', async () => {
    for (let round = 0; round < 10; round++) {
      const id = await flow.plan(Array(8).fill(1), { publication: 'off' });
      const ended = await Promise.all(Array.from({ length: 8 }, async () => (await flow.measure()).hasEnded));
      expect(ended.filter(Boolean)).toHaveLength(1);
      expect(await statusOf(id)).toBe('COMPLETED');
      const [{ counts }] = await flow.database.query(
        'SELECT array_agg(processed_so_far ORDER BY processed_so_far) AS counts FROM shard WHERE job_id = $1',
        [id],
      );
      expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    }
  });

  it('are committed completely or not at all', async () => {
    await flow.plan([1]);
    const lease = await flow.lease('measure');
    const twice = [...(await outcomesOf(flow.shards, lease)), ...(await outcomesOf(flow.shards, lease))];
    await expect(flow.shards.commit(lease, twice, new Date())).rejects.toMatchObject({ code: '23505' });
    expect([await shardStates(), await outcomeCount()]).toEqual([['planned'], 0]);
    expect(await flow.leases.renew([lease])).toEqual(['held']);
  });

  it('change no other job', async () => {
    const other = await flow.plan([5]);
    await flow.measure();
    const before = await flow.row('SELECT * FROM shard WHERE job_id = $1', [other]);
    await flow.plan([2]);
    await flow.measure();
    expect(await flow.row('SELECT * FROM shard WHERE job_id = $1', [other])).toEqual(before);
  });

  it('keep the reason why the step was given up', async () => {
    await flow.plan([1]);
    const lease = await flow.lease('measure');
    await flow.shards.commit(lease, await outcomesOf(flow.shards, lease, 'FAILED'), new Date(), 'five times');
    expect(await flow.row(`SELECT last_error FROM attempt WHERE step = 'measure'`)).toEqual({ last_error: 'five times' });
  });

  it.each([2_000, 2_500])('may exceed the size of one statement (%d)', async (count) => {
    const id = await flow.plan([count]);
    await flow.measure();
    expect(await outcomeCount()).toBe(count);
    expect(await flow.jobs.progressOf(id)).toMatchObject({ processed: count });
  });

  it('are read by job and by shard, even if another job has the same names', async () => {
    const [one, other] = [await flow.plan([2, 1]), await flow.plan([2, 1, 1])];
    for (let shard = 0; shard < 5; shard++) {
      const lease = await flow.lease('measure');
      const status = lease.jobId === one ? 'PROCESSED' : 'FAILED';
      await flow.shards.commit(lease, await outcomesOf(flow.shards, lease, status), new Date());
    }
    for (const [id, status] of [
      [one, 'PROCESSED'],
      [other, 'FAILED'],
    ] as const) {
      const outcomesNamed = (...names: string[]) =>
        names.map((name) => expect.objectContaining({ status, experiment: experimentNamed(name) }));
      expect(await flow.outcomes.ofShard(id, 0)).toEqual(outcomesNamed(nameOf(0, 0), nameOf(0, 1)));
      expect(await flow.outcomes.namesOfShard(id, 1)).toEqual([nameOf(1, 0)]);
      expect(await flow.outcomes.page(id, nameOf(0, 0), 2, true)).toEqual(outcomesNamed(nameOf(0, 1), nameOf(1, 0)));
      expect([await flow.outcomes.one(id, nameOf(1, 0))]).toEqual(outcomesNamed(nameOf(1, 0)));
    }
    expect(await flow.outcomes.names(one, '', 5)).toEqual([nameOf(0, 0), nameOf(0, 1), nameOf(1, 0)]);
  });
});

describe('failing a job', () => {
  it('writes one outcome for every experiment that has none', async () => {
    const id = await flow.plan([2, 3], webhook);
    await flow.measure();
    expect(await flow.jobs.fail(id, cancelled, new Date())).toBe(true);
    expect(await flow.jobs.find(id)).toMatchObject({ status: 'FAILED', notifications: cancelled, webhook: { status: 'IN_PROGRESS' } });
    expect(await shardStates()).toEqual(['recommended', 'recommended']);
    expect(await flow.jobs.progressOf(id)).toMatchObject({ processed: 5, failed: 3 });
    expect(await flow.row(`SELECT count(*)::int FROM outcome WHERE status = 'FAILED'`)).toEqual({ count: 3 });
  });

  it('changes no other job', async () => {
    const other = await flow.plan([2], webhook);
    const id = await flow.plan([2]);
    await flow.jobs.fail(id, cancelled, new Date());
    expect(await flow.jobs.find(other)).toMatchObject({ status: 'IN_PROGRESS', notifications: {}, webhook: null });
    expect(await flow.row('SELECT state FROM shard WHERE job_id = $1', [other])).toEqual({ state: 'planned' });
    expect(await flow.row('SELECT count(*)::int FROM outcome WHERE job_id = $1', [other])).toEqual({ count: 0 });
  });

  it('is not prevented by another job that has ended', async () => {
    await flow.jobs.fail(await flow.submit(), cancelled, new Date());
    expect(await flow.jobs.fail(await flow.submit(), cancelled, new Date())).toBe(true);
  });

  it('does nothing to a job that has ended', async () => {
    const id = await flow.plan([1]);
    await flow.measure();
    expect(await flow.jobs.fail(id, cancelled, new Date())).toBe(false);
    expect(await flow.jobs.find(id)).toMatchObject({ status: 'COMPLETED', notifications: {} });
  });

  it('is rejected for a worker that has lost its lease, and writes nothing', async () => {
    const id = await flow.plan([1]);
    const stale = await flow.lease('measure');
    await flow.expireLeases();
    await flow.lease('measure');
    await expect(flow.jobs.fail(id, cancelled, new Date(), stale)).rejects.toThrow(LeaseLost);
    expect([await statusOf(id), await shardStates(), await outcomeCount()]).toEqual(['IN_PROGRESS', ['planned'], 0]);
  });

  it('concurrently with the last commits leaves one end, and one outcome per experiment', async () => {
    for (let round = 0; round < 10; round++) {
      const id = await flow.plan(Array(4).fill(3), { publication: 'off' });
      const commits = Array.from({ length: 4 }, () => flow.measure().catch(() => undefined));
      const [hasFailed, ...done] = await Promise.all([flow.jobs.fail(id, cancelled, new Date()), ...commits]);
      const hasCompleted = done.some((each) => each?.hasEnded);
      expect([hasFailed, hasCompleted].filter(Boolean)).toHaveLength(1);
      expect(await flow.row('SELECT count(*)::int FROM outcome WHERE job_id = $1', [id])).toEqual({ count: 12 });
      expect(await flow.row('SELECT sum(experiment_count)::int AS sum FROM shard WHERE job_id = $1', [id])).toEqual({ sum: 12 });
      expect(await flow.jobs.progressOf(id)).toMatchObject({ processed: 12 });
    }
  });
});

describe('an end that another process commits concurrently', () => {
  /** Ends the job in another session while `work` waits for the job's lock. */
  const endMeanwhile = <T>(id: string, status: string, work: () => Promise<T>) =>
    meanwhile(
      flow.database,
      (runner) => runner.query('UPDATE bulk_job SET status = $2, ended_at = now() WHERE id = $1', [id, status]),
      work,
    );

  it('is not changed by a later failure', async () => {
    const id = await flow.submit();
    expect(await endMeanwhile(id, 'COMPLETED', () => flow.jobs.fail(id, cancelled, new Date()))).toBe(false);
    expect(await statusOf(id)).toBe('COMPLETED');
  });

  it('is not changed by a later plan, which writes nothing', async () => {
    const id = await flow.submit();
    const lease = await flow.lease('discover');
    const plan = { ...emptyPlan, shards: [{ number: 0, experiments: [experimentNamed('a')] }] };
    await expect(endMeanwhile(id, 'FAILED', () => flow.jobs.plan(lease, plan))).rejects.toThrow(Stopped);
    expect([await statusOf(id), await shardStates()]).toEqual(['FAILED', []]);
  });
});

describe('publication', () => {
  it("of one job's shards does not affect another job", async () => {
    const [first, second] = [await flow.plan([1], { startedAt: new Date(0) }), await flow.plan([1, 1])];
    for (let shard = 0; shard < 3; shard++) await flow.measure();
    await flow.shards.markPublished(await flow.lease('publish'), new Map([[nameOf(0, 0), 'refused']]), new Date());
    const failed = await flow.database.query('SELECT job_id AS id FROM outcome WHERE publish_error IS NOT NULL');
    expect(failed).toEqual([{ id: first }]);
    expect([await flow.shards.unpublishedOf(first), await flow.shards.unpublishedOf(second)]).toEqual([[], [0, 1]]);
  });

  it('of a shard is recorded once', async () => {
    await flow.plan([2]);
    await flow.measure();
    const lease = await flow.lease('publish');
    await flow.shards.markPublished(lease, new Map([[nameOf(0, 1), 'refused']]), new Date());
    await expect(flow.shards.markPublished(lease, new Map(), new Date())).rejects.toThrow(Stopped);
    expect(await flow.row('SELECT state, publish_failed_count AS failed FROM shard')).toEqual({ state: 'published', failed: 1 });
    expect(await flow.row('SELECT experiment_name AS name FROM outcome WHERE publish_error IS NOT NULL')).toEqual({ name: nameOf(0, 1) });
  });

  it('of a shard without outcomes cannot be recorded', async () => {
    const jobId = await flow.plan([1]);
    await flow.lease('measure');
    await flow.database.query(`INSERT INTO attempt (job_id, step, shard, fence, count) VALUES ($1, 'publish', 0, 1, 1)`, [jobId]);
    const lease = { step: 'publish', jobId, shard: 0, fence: 1, attempts: 1, datasources: [] } as const;
    await expect(flow.shards.markPublished(lease, new Map(), new Date())).rejects.toThrow(Stopped);
    expect(await shardStates()).toEqual(['planned']);
  });

  it('of a shard is not recorded by a worker that has lost its lease', async () => {
    await flow.plan([1]);
    await flow.measure();
    const stale = await flow.lease('publish');
    await flow.expireLeases();
    await flow.lease('publish');
    await expect(flow.shards.markPublished(stale, new Map(), new Date())).rejects.toThrow(LeaseLost);
    expect(await shardStates()).toEqual(['recommended']);
  });

  it('is complete only when no shard is planned or recommended', async () => {
    const id = await flow.plan([1, 1]);
    expect(await flow.shards.unpublishedOf(id)).toEqual([0, 1]);
    await flow.measure();
    await flow.shards.markPublished(await flow.lease('publish'), new Map(), new Date());
    await flow.measure();
    expect(await flow.shards.unpublishedOf(id)).toEqual([1]);
    await flow.shards.markPublished(await flow.lease('publish'), new Map(), new Date());
    expect(await flow.shards.unpublishedOf(id)).toEqual([]);
  });

  it('of the summary and the webhook is not recorded by a worker that has lost its lease', async () => {
    const id = await flow.plan([], webhook);
    const [finish, notify] = [await flow.lease('finish'), await flow.lease('notify')];
    await flow.expireLeases();
    await flow.lease('finish');
    await flow.lease('notify');
    await expect(flow.jobs.setPublication(finish, 'published')).rejects.toThrow(LeaseLost);
    await expect(flow.jobs.setWebhook(notify, { status: 'COMPLETED' })).rejects.toThrow(LeaseLost);
    expect(await flow.jobs.find(id)).toMatchObject({ publication: 'pending', webhook: { status: 'IN_PROGRESS' } });
  });

  it('that failed permanently has its reason in the job', async () => {
    const id = await flow.plan([]);
    const notifications = { '500': { type: 'ERROR', message: 'refused', code: 500 } } as const;
    await flow.jobs.setPublication(await flow.lease('finish'), 'failed', notifications);
    expect(await flow.jobs.find(id)).toMatchObject({ publication: 'failed', notifications });
    expect(await flow.row(`SELECT last_error FROM attempt WHERE step = 'finish'`)).toEqual({ last_error: 'refused' });
  });
});

describe('experiments that no job has used for long', () => {
  it('are deleted, and no others', async () => {
    await flow.plan([2]);
    await flow.database.query(`UPDATE experiment SET last_seen_at = '2026-01-01T00:00:00Z' WHERE name = $1`, [nameOf(0, 0)]);
    expect(await flow.experiments.deleteUnseenSince(new Date('2026-01-02T00:00:00Z'))).toBe(1);
    expect(await flow.database.query('SELECT name FROM experiment')).toEqual([{ name: nameOf(0, 1) }]);
  });
});

describe('jobs with pending records', () => {
  it('are counted', async () => {
    await flow.submit();
    await flow.submit({ publication: 'off' });
    expect(await flow.jobs.countUnpublished()).toBe(1);
  });
});

describe('deleting', () => {
  const past = new Date('2026-01-01T00:00:00Z');

  it('keeps a job that is running or has pending records or a pending webhook', async () => {
    const runs = await flow.plan([1]);
    expect(await flow.jobs.delete(runs)).toBe(false);
    await flow.measure();
    expect(await flow.jobs.delete(runs)).toBe(false);
    const notifies = await flow.plan([], { ...webhook, publication: 'off' });
    expect(await flow.jobs.delete(notifies)).toBe(false);
    await flow.jobs.setWebhook(await flow.lease('notify'), { status: 'FAILED' });
    expect(await flow.jobs.delete(notifies)).toBe(true);
    expect(await flow.jobs.find(notifies)).toBeNull();
  });

  it('keeps every other job', async () => {
    const [one, other] = [await flow.plan([], { publication: 'off' }), await flow.plan([], { publication: 'off' })];
    expect(await flow.jobs.delete(one)).toBe(true);
    expect(await flow.jobs.find(other)).not.toBeNull();
  });

  it('by age deletes only jobs that ended earlier and have nothing pending', async () => {
    const [old, young] = [await flow.plan([], { publication: 'off' }), await flow.plan([], { publication: 'off' })];
    const due = await flow.plan([]);
    await flow.database.query('UPDATE bulk_job SET ended_at = $1 WHERE id = ANY ($2)', [past, [old, due]]);
    expect(await flow.jobs.deleteEndedBefore(past)).toBe(0);
    expect(await flow.jobs.deleteEndedBefore(new Date(past.getTime() + 1))).toBe(1);
    expect(await Promise.all([old, young, due].map(async (id) => (await flow.jobs.find(id)) !== null))).toEqual([false, true, true]);
  });
});

describe('a deadline', () => {
  it('passes only for a running job', async () => {
    const deadlineAt = new Date('2026-11-21T00:00:00Z');
    const late = await flow.submit({ deadlineAt, request: { deadline: '5min' } });
    await flow.submit({ deadlineAt: null });
    const ended = await flow.submit({ deadlineAt });
    await flow.jobs.fail(ended, cancelled, new Date());
    expect(await flow.jobs.pastDeadline(deadlineAt)).toEqual([]);
    expect(await flow.jobs.pastDeadline(new Date(deadlineAt.getTime() + 1))).toEqual([{ jobId: late, deadline: '5min' }]);
  });
});

describe('reading a job', () => {
  const namesIn = async (id: string) => {
    const names: string[] = [];
    for await (const { name, status } of flow.reader.experiments((await flow.jobs.find(id))!, withoutRecommendations)) {
      names.push(`${name} ${status}`);
    }
    return names;
  };

  it('returns every experiment once, in order, over many pages of planned and processed ones', async () => {
    const id = await flow.plan([150, 150, 150, 150]);
    const order = [0, 2];
    for (const shard of order) {
      const lease = await flow.lease('measure');
      if (lease.shard !== shard) await flow.leases.release(lease, { counts: false, pauseMs: 600_000 });
      const due = lease.shard === shard ? lease : await flow.lease('measure');
      await flow.shards.commit(due, await outcomesOf(flow.shards, due), new Date());
    }
    const expected = [0, 1, 2, 3].flatMap((shard) =>
      Array.from({ length: 150 }, (_, index) => `${nameOf(shard, index)} ${order.includes(shard) ? 'PROCESSED' : 'UNPROCESSED'}`),
    );
    expect(await namesIn(id)).toEqual(expected);
  });

  it('pages by name in every state', async () => {
    const id = await flow.plan([3, 3]);
    await flow.measure();
    const job = (await flow.jobs.find(id))!;
    const pageAfter = async (after: string, limit: number) => {
      const range = { ...withoutRecommendations, after, limit };
      const shown = (await all(flow.reader.experiments(job, range))).map(({ name }) => name);
      expect(await flow.reader.names(job, after, limit)).toEqual(shown);
      return shown;
    };
    expect(await pageAfter(nameOf(0, 1), 3)).toEqual([nameOf(0, 2), nameOf(1, 0), nameOf(1, 1)]);
    expect(await pageAfter(nameOf(0, 1), 4)).toHaveLength(4);
    expect(await pageAfter(nameOf(1, 2), 3)).toEqual([]);
    expect((await flow.reader.experiment(job, nameOf(1, 0)))?.status).toBe('UNPROCESSED');
    expect((await flow.reader.experiment(job, nameOf(0, 0)))?.status).toBe('PROCESSED');
    expect(await flow.reader.experiment(job, 'nobody')).toBeUndefined();
  });

  it.each([
    ['with few experiments', 8],
    ['whose last page would be full', 5 + 200],
    ['with many', 600],
  ])('cuts off the response about a job %s that is deleted meanwhile', async (_, count) => {
    const id = await flow.plan([count]);
    await flow.measure();
    const view = readView({ job_id: id, include: 'summary,experiments,metadata' });
    const { parts } = await renderJob((await flow.jobs.find(id))!, view, flow.reader);
    let read = 0;
    const reading = async () => {
      for await (const _part of parts) {
        if (++read === 5) await flow.database.query('DELETE FROM bulk_job WHERE id = $1', [id]);
      }
    };
    await expect(reading()).rejects.toThrow('deleted');
    const partsBeforeExperiments = 4;
    expect(read).toBeLessThanOrEqual(partsBeforeExperiments + count);
  });

  it('has neither names nor an experiment of a job that is deleted meanwhile', async () => {
    const id = await flow.plan([1]);
    await flow.measure();
    const job = (await flow.jobs.find(id))!;
    await flow.database.query('DELETE FROM bulk_job WHERE id = $1', [id]);
    await expect(flow.reader.names(job, '', 10)).rejects.toThrow('deleted');
    await expect(flow.reader.experiment(job, nameOf(0, 0))).rejects.toThrow('deleted');
  });

  it('reads batches of experiments of a few megabytes, and each experiment once', async () => {
    const limitsFor = async (count: number, json: string) => {
      const id = await flow.plan([count]);
      const lease = await flow.lease('measure');
      const recommendation = packRecommendation(json);
      const outcomes = (await outcomesOf(flow.shards, lease)).map((outcome) => ({ ...outcome, recommendation }));
      await flow.shards.commit(lease, outcomes, new Date());
      const pages = jest.spyOn(flow.outcomes, 'page');
      const job = (await flow.jobs.find(id))!;
      const names = (await all(flow.reader.experiments(job, { withRecommendations: true }))).map(({ name }) => name);
      expect(names).toEqual(Array.from({ length: count }, (_, index) => nameOf(0, index)));
      const limits = pages.mock.calls.map(([, , limit]) => limit);
      pages.mockRestore();
      return limits;
    };
    expect(await limitsFor(250, `["${'x'.repeat(10_000)}"]`)).toEqual([5, 200, 200]);
    expect(await limitsFor(250, `["${'x'.repeat(98_000)}"]`)).toEqual([5, 39, 39, 39, 39, 39, 39, 39]);
    expect(await limitsFor(9, `["${'x'.repeat(5_000_000)}"]`)).toEqual([5, 1, 1, 1, 1, 1]);
  });

  it('reads small batches of jobs with large requests, and large batches of jobs with small ones', async () => {
    const names = Array.from({ length: 20_000 }, () => randomUUID());
    const large = { request: { filter: { include: { namespace: names } } } };
    await Promise.all(Array.from({ length: 4 }, () => flow.submit({ ...large, startedAt: new Date(0) })));
    await Promise.all(Array.from({ length: 45 }, () => flow.submit()));
    const pages = jest.spyOn(flow.jobs, 'progressOfAll');
    const { jobs } = await flow.reader.jobs({ limit: 100 });
    expect(await all(jobs)).toHaveLength(49);
    const sizes = pages.mock.calls.map(([ids]) => ids.length);
    pages.mockRestore();
    expect(sizes).toEqual([20, 20, 5, 1, 1, 1, 1]);
  });

  it('finds only its own experiments, and also planned ones', async () => {
    const id = await flow.plan([2]);
    await flow.measure();
    const other = await flow.plan([2]);
    expect(await flow.shards.plannedNamed(id, nameOf(0, 0))).toBeUndefined();
    expect(await flow.shards.plannedNamed(other, nameOf(0, 1))).toMatchObject({ shardNumber: 0, experiment: { name: nameOf(0, 1) } });
    expect(await flow.shards.plannedPage(id, '', 10)).toEqual([]);
  });

  it('lists jobs latest first, by page and status', async () => {
    const start = (second: number) => ({ startedAt: new Date(Date.UTC(2026, 10, 21, 0, 0, second)) });
    const [first, second, third] = [await flow.submit(start(1)), await flow.submit(start(2)), await flow.submit(start(3))];
    await flow.jobs.fail(second, cancelled, new Date());
    const idsOf = async (query: Parameters<JobFlow['jobs']['list']>[0]) => (await flow.jobs.list(query)).map(({ id }) => id);
    expect(await idsOf({ limit: 2 })).toEqual([third, second]);
    expect(await idsOf({ limit: 10, status: 'IN_PROGRESS' })).toEqual([third, first]);
    expect(await idsOf({ limit: 10, after: { ...start(2), id: second } })).toEqual([first]);
    expect((await flow.reader.jobs({ limit: 2 })).last).toBeDefined();
    expect((await flow.reader.jobs({ limit: 3 })).last).toBeUndefined();
  });

  it('lists each job with its progress, and omits one that is deleted meanwhile', async () => {
    const planned = await flow.plan([2, 1], { startedAt: new Date(0) });
    await flow.measure();
    const many = await Promise.all(Array.from({ length: 45 }, (_, index) => flow.submit({ startedAt: new Date(1_000 + index) })));
    const { jobs } = await flow.reader.jobs({ limit: 100 });
    await flow.database.query('DELETE FROM bulk_job WHERE id = $1', [many[0]]);
    const shown: Record<string, unknown>[] = [];
    for await (const job of jobs) shown.push(job as Record<string, unknown>);
    expect(shown.map(({ job_id }) => job_id)).toEqual([...many.slice(1).reverse(), planned]);
    expect(shown.at(-1)).toMatchObject({ total_experiments: 3, processed_experiments: 2 });
    expect(shown[0]).toMatchObject({ total_experiments: 0, processed_experiments: 0 });
  });
});
