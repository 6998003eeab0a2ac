import { describe, expect, it } from '@jest/globals';
import type { EntityManager, QueryRunner } from 'typeorm';
import { LeaseLost, LeaseStore, LeaseUnsure } from '../src/bulk/lease-rows.js';
import { inTransaction } from '../src/database/database-pool.js';
import { type JobFlow, useJobFlow } from './job-flow.js';
import { meanwhile } from './meanwhile.js';

let flow: JobFlow;

useJobFlow((opened) => {
  flow = opened;
});

const next = (step: Parameters<JobFlow['lease']>[0], silent: string[] = [], served: string[] = []) =>
  flow.leases.next(step, silent, served);
const released = { counts: false, pauseMs: 0 } as const;

describe('a lease', () => {
  it('is granted to only one worker', async () => {
    await flow.plan([1, 1, 1, 1, 1]);
    const taken = await Promise.all(Array.from({ length: 12 }, () => next('measure')));
    expect(taken.flatMap((lease) => (lease ? [lease.shard] : [])).sort()).toEqual([0, 1, 2, 3, 4]);
  });

  it.each([
    ['comes through though its reply is lost', true, 0],
    ['does not come through', false, 1],
  ])('is returned once if its commit %s', async (_, comesThrough, count) => {
    await flow.submit();
    await flow.leases.release(await flow.lease('discover'), { counts: true, pauseMs: 0 });
    await flow.database.query(`UPDATE attempt SET count = ${count}`);
    const breaking = {
      transaction: async (work: (manager: EntityManager) => Promise<unknown>) => {
        await flow.database.transaction(async (manager) => {
          await work(manager);
          if (!comesThrough) throw new Error('Connection terminated unexpectedly');
        });
        throw new Error('Connection terminated unexpectedly');
      },
    };
    const error = await new LeaseStore(breaking as never).next('discover', [], []).then(
      () => undefined as never,
      (reason: LeaseUnsure) => reason,
    );
    expect(error).toBeInstanceOf(LeaseUnsure);
    for (let times = 0; times < 2; times++) await flow.leases.release(error.lease, { ...released, unsureUntil: error.heldUntil });
    expect(await flow.row('SELECT count, held_until FROM attempt')).toEqual({ count, held_until: null });
    expect(await next('discover')).toMatchObject({ attempts: count + 1 });
  });

  it('is not returned if another worker took the row after the commit had failed', async () => {
    await flow.submit();
    const breaking = {
      transaction: (work: (manager: EntityManager) => Promise<unknown>) =>
        flow.database.transaction(async (manager) => {
          await work(manager);
          throw new Error('Connection terminated unexpectedly');
        }),
    };
    const error = await new LeaseStore(breaking as never).next('discover', [], []).then(
      () => undefined as never,
      (reason: LeaseUnsure) => reason,
    );
    const successor = await flow.lease('discover');
    expect(successor.fence).toBe(error.lease.fence);
    await flow.leases.release(error.lease, { ...released, unsureUntil: error.heldUntil });
    expect(await flow.leases.renew([successor])).toEqual(['held']);
    expect(await next('discover')).toBeUndefined();
  });

  it('is granted to one of two workers that select its row concurrently', async () => {
    await flow.submit();
    await flow.leases.release(await flow.lease('discover'), released);
    const lockRow = (runner: QueryRunner) => runner.query('SELECT FROM attempt FOR UPDATE');
    const taken = await meanwhile(flow.database, lockRow, () => Promise.all([next('discover'), next('discover')]), 2);
    expect(taken.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  it('is not granted to a worker that selects its row while a pause is committed', async () => {
    await flow.submit();
    await flow.leases.release(await flow.lease('discover'), released);
    const pause = (runner: QueryRunner) => runner.query(`UPDATE attempt SET not_before = now() + interval '1 hour'`);
    expect(await meanwhile(flow.database, pause, () => next('discover'))).toBeUndefined();
  });

  it('expires without renewal: another worker takes the row with a higher fence', async () => {
    await flow.submit();
    const first = await flow.lease('discover');
    expect(await next('discover')).toBeUndefined();
    await flow.expireLeases();
    const second = await flow.lease('discover');
    expect(second.fence).toBeGreaterThan(first.fence);
    expect(second).toMatchObject({ jobId: first.jobId, attempts: 2 });
    expect(await flow.leases.renew([first, second])).toEqual(['lost', 'held']);
  });

  it('expires ten seconds after it was granted', async () => {
    await flow.submit();
    await flow.lease('discover');
    const { seconds } = await flow.row('SELECT extract(epoch FROM held_until - now())::float8 AS seconds FROM attempt');
    expect(seconds).toBeLessThanOrEqual(10);
  });

  it('that is lost is reported as lost, even if its job has ended too', async () => {
    const id = await flow.plan([1]);
    const first = await flow.lease('measure');
    await flow.expireLeases();
    await flow.lease('measure');
    await flow.jobs.fail(id, {}, new Date());
    expect(await flow.leases.renew([first])).toEqual(['lost']);
  });

  it('counts as released only after that is written', async () => {
    await flow.submit();
    const lease = await flow.lease('discover');
    const order: string[] = [];
    let releasing: Promise<unknown> = Promise.resolve();
    await flow.database.transaction(async (transaction) => {
      await transaction.query('SELECT FROM attempt FOR UPDATE');
      releasing = flow.leases.release(lease, released).then(() => order.push('released'));
      await new Promise((done) => setTimeout(done, 200));
      order.push('unlocked');
    });
    await releasing;
    expect(order).toEqual(['unlocked', 'released']);
  });

  it('that is released twice returns its count once', async () => {
    await flow.submit();
    const lease = await flow.lease('discover');
    await flow.database.query('UPDATE attempt SET count = 3');
    for (let times = 0; times < 2; times++) await flow.leases.release(lease, released);
    expect(await flow.row('SELECT count FROM attempt')).toEqual({ count: 2 });
  });

  it("is granted for a shard whose datasource responds, whatever the job's other datasources do", async () => {
    await flow.plan([1, 1], { datasources: ['a', 'b'] });
    await flow.database.query(`UPDATE shard SET datasource = 'b' WHERE number = 1`);
    expect(await next('measure', ['a'])).toMatchObject({ shard: 1 });
  });

  it.each([
    [1, 100],
    [2, 0],
  ])('of a crashed worker is free at once after %i attempts for %i of a hundred fences', async (count, free) => {
    await flow.submit();
    await flow.lease('discover');
    let found = 0;
    for (let fence = 1; fence <= 100; fence++) {
      await flow.database.query(`UPDATE attempt SET count = $1, fence = $2, held_until = now() - interval '1 millisecond'`, [count, fence]);
      found += (await flow.leases.waiting('discover')).length;
    }
    expect(Math.abs(found - free)).toBeLessThan(5);
    await flow.expireLeases();
    expect(await next('discover')).toBeDefined();
  });

  it('is extended by its renewal', async () => {
    await flow.submit();
    const lease = await flow.lease('discover');
    await flow.expireLeases();
    await flow.leases.renew([lease]);
    expect(await next('discover')).toBeUndefined();
  });

  it('is not extended for a worker that has lost it', async () => {
    await flow.submit();
    const first = await flow.lease('discover');
    await flow.expireLeases();
    await flow.lease('discover');
    await flow.expireLeases();
    await flow.leases.renew([first]);
    expect(await next('discover')).toBeDefined();
  });

  it('is not restored by a renewal after its release', async () => {
    await flow.submit();
    const lease = await flow.lease('discover');
    await flow.leases.release(lease, released);
    await flow.leases.renew([lease]);
    expect(await next('discover')).toBeDefined();
  });

  it('is not ended by a renewal after the commit of its result', async () => {
    await flow.plan([1]);
    const { lease } = await flow.measure();
    await flow.leases.renew([lease]);
    expect(await flow.row(`SELECT held_until FROM attempt WHERE step = 'measure'`)).toEqual({ held_until: Number.POSITIVE_INFINITY });
  });

  it.each([
    ['shard', async () => void (await flow.plan([1, 1]))],
    ['job', async () => void [await flow.plan([1]), await flow.plan([1])]],
  ])('that is lost stays lost, even if another %s has an equal lease', async (_, plan) => {
    await plan();
    const [first, other] = [await flow.lease('measure'), await flow.lease('measure')];
    await flow.expireLeases();
    const successor = await flow.lease('measure');
    const lost = [first, other].find(({ jobId, shard }) => jobId === successor.jobId && shard === successor.shard)!;
    await expect(inTransaction(flow.database, (transaction) => flow.leases.hold(transaction, lost))).rejects.toThrow(LeaseLost);
    await inTransaction(flow.database, (transaction) => flow.leases.hold(transaction, successor));
  });

  it('is held until its transaction ends: no other worker takes the row earlier', async () => {
    await flow.submit();
    const lease = await flow.lease('discover');
    await flow.expireLeases();
    const order: string[] = [];
    let taking: Promise<unknown> = Promise.resolve();
    await inTransaction(flow.database, async (transaction) => {
      await flow.leases.hold(transaction, lease);
      taking = flow.lease('discover').then(() => order.push('taken'));
      await new Promise((done) => setTimeout(done, 300));
      order.push('ended');
    });
    await taking;
    expect(order).toEqual(['ended', 'taken']);
  });

  it('is renewed while another one is being committed', async () => {
    await flow.plan([1, 1]);
    const [first, second] = [await flow.lease('measure'), await flow.lease('measure')];
    await flow.expireLeases();
    await flow.database.transaction(async (transaction) => {
      await flow.leases.settle(transaction, first);
      expect(await flow.leases.renew([first, second])).toEqual(['held', 'held']);
    });
    await flow.database.query(`UPDATE attempt SET held_until = 'infinity' WHERE shard = $1`, [first.shard]);
    expect(await next('measure')).toBeUndefined();
  });

  it('reports that its job was ended by another process', async () => {
    const id = await flow.plan([1]);
    const lease = await flow.lease('measure');
    await flow.jobs.fail(id, { '499': { type: 'ERROR', message: 'cancelled', code: 499 } }, new Date());
    expect(await flow.leases.renew([lease])).toEqual(['ended']);
  });

  it('is still held if its own result has ended the job', async () => {
    const id = await flow.plan([1]);
    const lease = await flow.lease('measure');
    await flow.database.transaction((transaction) => flow.leases.settle(transaction, lease));
    await flow.jobs.fail(id, { '499': { type: 'ERROR', message: 'cancelled', code: 499 } }, new Date());
    expect(await flow.leases.renew([lease])).toEqual(['held']);
  });

  it('is lost if its job is deleted', async () => {
    const id = await flow.submit();
    const lease = await flow.lease('discover');
    await flow.database.query('DELETE FROM bulk_job WHERE id = $1', [id]);
    expect(await flow.leases.renew([lease])).toEqual(['lost']);
  });

  it('commits only while it is the latest one', async () => {
    await flow.submit();
    const first = await flow.lease('discover');
    await flow.expireLeases();
    await flow.lease('discover');
    await expect(flow.database.transaction((transaction) => flow.leases.settle(transaction, first))).rejects.toThrow(LeaseLost);
    expect(await flow.row('SELECT held_until IS NOT NULL AS held FROM attempt')).toEqual({ held: true });
  });
});

describe('a write for a lease', () => {
  const others = () =>
    flow.database.query(`SELECT job_id, step, shard, count, held_until, not_before, last_error FROM attempt ORDER BY job_id, step, shard`);

  /** Leases of two jobs, of two shards and of two steps: all with the same fence. */
  async function leasesOfAllKinds() {
    await flow.plan([1, 1]);
    await flow.plan([1, 1]);
    const measured = await flow.measure();
    const publishing = await flow.lease('publish');
    const measuring = [await flow.lease('measure'), await flow.lease('measure'), await flow.lease('measure')];
    expect(new Set([measured.lease, publishing, ...measuring].map(({ fence }) => fence)).size).toBe(1);
    return { publishing, measuring };
  }

  it.each([0, 1, 2, 3])('at commit and release does not affect another shard, step or job: lease %d', async (which) => {
    for (const write of ['settle', 'release'] as const) {
      await flow.database.query('TRUNCATE bulk_job CASCADE');
      const { publishing, measuring } = await leasesOfAllKinds();
      const lease = [publishing, ...measuring][which]!;
      const isOwn = ({ job_id, step, shard }: Record<string, unknown>) =>
        job_id === lease.jobId && step === lease.step && shard === lease.shard;
      const before = await others();
      if (write === 'settle') await flow.database.transaction((transaction) => flow.leases.settle(transaction, lease, 'why'));
      else await flow.leases.release(lease, { counts: false, pauseMs: 60_000, reason: 'why' });
      const after: Record<string, unknown>[] = await others();
      expect(after.filter((row) => !isOwn(row))).toEqual(before.filter((row: Record<string, unknown>) => !isOwn(row)));
      const written = { held_until: write === 'settle' ? Number.POSITIVE_INFINITY : null, last_error: 'why' };
      expect(after.filter(isOwn)).toMatchObject([written]);
    }
  });
});

describe('attempts', () => {
  it('count if requested, and otherwise are returned', async () => {
    await flow.submit();
    await flow.leases.release(await flow.lease('discover'), { ...released, counts: true, reason: 'a bug' });
    const second = await flow.lease('discover');
    expect(second).toMatchObject({ attempts: 2, lastError: 'a bug' });
    await flow.leases.release(second, released);
    expect(await flow.lease('discover')).toMatchObject({ attempts: 2, lastError: 'a bug' });
  });

  it('are returned by a worker that lost its lease, which changes nothing else', async () => {
    await flow.submit();
    const first = await flow.lease('discover');
    await flow.expireLeases();
    const second = await flow.lease('discover');
    await flow.leases.release(first, { counts: false, pauseMs: 60_000, reason: 'late' });
    expect(await flow.row('SELECT count, fence, held_until IS NOT NULL AS held, not_before, last_error FROM attempt')).toEqual({
      count: 1,
      fence: second.fence,
      held: true,
      not_before: null,
      last_error: null,
    });
  });

  it('wait for the end of their pause', async () => {
    await flow.submit();
    await flow.leases.release(await flow.lease('discover'), { counts: true, pauseMs: 60_000 });
    expect(await next('discover')).toBeUndefined();
    expect(await flow.leases.waiting('discover')).toEqual([]);
    await flow.database.query(`UPDATE attempt SET not_before = now() - interval '1 second'`);
    expect(await flow.leases.waiting('discover')).toHaveLength(1);
    expect(await next('discover')).toBeDefined();
  });

  it('keep the reason why the step was given up', async () => {
    await flow.submit();
    const lease = await flow.lease('discover');
    await flow.database.transaction((transaction) => flow.leases.settle(transaction, lease, 'too often'));
    expect(await flow.row('SELECT last_error, held_until FROM attempt')).toEqual({
      last_error: 'too often',
      held_until: Number.POSITIVE_INFINITY,
    });
  });
});

describe('turns', () => {
  const start = (second: number) => ({ startedAt: new Date(Date.UTC(2026, 10, 21, 0, 0, second)) });

  it('go to the oldest job first, then to the least recently served one', async () => {
    const large = await flow.plan([1, 1, 1, 1], start(1));
    const small = await flow.plan([1, 1], start(2));
    const served: string[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const { jobId } = (await next('measure', [], served))!;
      served.splice(0, served.length, ...served.filter((id) => id !== jobId), jobId);
      expect(jobId).toBe(turn < 4 ? [large, small][turn % 2] : large);
    }
    expect(await next('measure', [], served)).toBeUndefined();
  });

  it('work the same for publication', async () => {
    const large = await flow.plan([1, 1], start(1));
    const small = await flow.plan([1], start(2));
    for (let shard = 0; shard < 3; shard++) await flow.measure();
    expect((await next('publish'))?.jobId).toBe(large);
    expect((await next('publish', [], [large]))?.jobId).toBe(small);
  });

  it('skip silent datasources', async () => {
    const silent = await flow.plan([1], { ...start(1), datasources: ['silent'] });
    const heard = await flow.plan([1], { ...start(2), datasources: ['heard'] });
    expect(await next('measure', ['silent'])).toMatchObject({ jobId: heard, datasources: ['heard'] });
    expect(await next('measure', ['silent'])).toBeUndefined();
    expect((await next('measure'))?.jobId).toBe(silent);
    const waits = await flow.submit({ ...start(3), datasources: ['heard', 'silent'] });
    expect(await next('discover', ['silent'])).toBeUndefined();
    expect((await next('discover', ['other']))?.jobId).toBe(waits);
  });

  it('of steps without a datasource skip none', async () => {
    const silent = await flow.plan([1], { datasources: ['silent'], request: { webhook: { url: 'http://127.0.0.1:9/' } } });
    const { lease } = await flow.measure();
    expect(await next('publish', ['silent'])).toMatchObject({ jobId: silent, datasources: [] });
    expect(await next('notify', ['silent'])).toMatchObject({ jobId: silent, datasources: [] });
    expect(lease.datasources).toEqual(['silent']);
  });
});

describe('pending work', () => {
  const cancelled = { '499': { type: 'ERROR', message: 'cancelled', code: 499 } } as const;

  it('is the discovery of a running job without a plan', async () => {
    const id = await flow.submit();
    expect(await flow.leases.waiting('discover')).toEqual([{ jobId: id }]);
    await flow.jobs.fail(id, cancelled, new Date());
    expect(await flow.leases.waiting('discover')).toEqual([]);
    expect(await next('discover')).toBeUndefined();
    await flow.plan([1]);
    expect(await flow.leases.waiting('discover')).toEqual([]);
  });

  it('is every planned shard of a running job', async () => {
    const id = await flow.plan([1, 1]);
    expect(await flow.leases.waiting('measure')).toEqual([
      { jobId: id, shard: 0 },
      { jobId: id, shard: 1 },
    ]);
    await flow.measure();
    expect(await flow.leases.waiting('measure')).toEqual([{ jobId: id, shard: 1 }]);
    await flow.jobs.fail(id, cancelled, new Date());
    expect(await next('measure')).toBeUndefined();
  });

  it('is no shard of an ended job, in any state', async () => {
    const id = await flow.plan([1]);
    await flow.database.query(`UPDATE bulk_job SET status = 'FAILED' WHERE id = $1`, [id]);
    expect(await next('measure')).toBeUndefined();
  });

  it('is the publication of shards with outcomes while records are pending', async () => {
    const id = await flow.plan([1, 1]);
    expect(await next('publish')).toBeUndefined();
    await flow.measure();
    expect(await flow.leases.waiting('publish')).toEqual([{ jobId: id, shard: 0 }]);
    await flow.shards.markPublished(await flow.lease('publish'), new Map(), new Date());
    expect(await next('publish')).toBeUndefined();
    const off = await flow.plan([1], { publication: 'off' });
    while ((await flow.measure()).lease.jobId !== off);
    expect((await flow.leases.waiting('publish')).map(({ jobId }) => jobId)).toEqual([id]);
  });

  it('is the summary after the job has ended and all its records are acknowledged', async () => {
    const id = await flow.plan([1, 1]);
    await flow.measure();
    await flow.shards.markPublished(await flow.lease('publish'), new Map(), new Date());
    expect(await next('finish')).toBeUndefined();
    await flow.measure();
    expect(await next('finish')).toBeUndefined();
    await flow.shards.markPublished(await flow.lease('publish'), new Map(), new Date());
    const lease = await flow.lease('finish');
    expect(lease).toMatchObject({ jobId: id, shard: -1 });
    await flow.jobs.setPublication(lease, 'published');
    await flow.expireLeases();
    expect(await next('finish')).toBeUndefined();
  });

  it('is the summary, even if shards of other jobs are pending', async () => {
    await flow.plan([1], { startedAt: new Date(0) });
    const id = await flow.plan([]);
    expect(await flow.lease('finish')).toMatchObject({ jobId: id });
  });

  it('is the webhook of an ended job', async () => {
    const id = await flow.plan([1], { request: { webhook: { url: 'http://127.0.0.1:9/' } } });
    expect(await next('notify')).toBeUndefined();
    await flow.measure();
    const lease = await flow.lease('notify');
    expect(lease.jobId).toBe(id);
    await flow.jobs.setWebhook(lease, { status: 'COMPLETED' });
    expect(await next('notify')).toBeUndefined();
  });
});
