import { describe, expect, it } from '@jest/globals';
import type { JobSource } from '../src/bulk/job-rows.js';
import { queueOf, readQueue } from '../src/bulk/job-rows.js';
import { AlreadyHandled, PositionStore } from '../src/intake/position-rows.js';
import { type JobFlow, useJobFlow } from './job-flow.js';

let flow: JobFlow;

useJobFlow((opened) => {
  flow = opened;
});

const place = { groupId: 'rightsizer', topic: 'requests', partition: 0 };
const queue = queueOf({ trigger: 'default', topic: 'requests', key: Buffer.from([0xff, 0x00]) });
const sourceOf = (offset: bigint, name: string | undefined = queue): JobSource => ({
  origin: { trigger: 'default', topic: 'requests', partition: 0, offset: String(offset) },
  ...(name !== undefined && { queue: name }),
  claim: (transaction) => new PositionStore(flow.database).claim(transaction, place, offset, new Date(1_000 * Number(offset))),
});
const jobs = async () => flow.database.query('SELECT id, waits, notifications FROM bulk_job ORDER BY queue_position');
const end = (id: string, at = new Date()) => flow.jobs.fail(id, {}, at);

describe('a record', () => {
  it('starts one job, however often it is handled', async () => {
    const positions = new PositionStore(flow.database);
    await positions.begin(place, 5n, true);
    const id = await flow.submit({}, sourceOf(5n));
    await expect(flow.submit({}, sourceOf(5n))).rejects.toThrow(AlreadyHandled);
    expect((await jobs()).map((job: { id: string }) => job.id)).toEqual([id]);
    expect(await positions.find(place)).toEqual({ firstOffset: 5n, nextOffset: 6n, newestAt: new Date(5_000) });
    expect((await flow.jobs.find(id))!.origin).toEqual({ trigger: 'default', topic: 'requests', partition: 0, offset: '5' });
  });

  it('that repeats a request id with another body moves nothing', async () => {
    const positions = new PositionStore(flow.database);
    await positions.begin(place, 7n, true);
    await flow.submit({ dedupeKey: 'key', requestHash: 'one' });
    await expect(flow.submit({ dedupeKey: 'key', requestHash: 'two' }, sourceOf(7n))).rejects.toThrow('different payload');
    expect((await positions.find(place))!.nextOffset).toBe(7n);
    await flow.submit({ dedupeKey: 'key', requestHash: 'one' }, sourceOf(7n));
    expect((await positions.find(place))!.nextOffset).toBe(8n);
    expect(await jobs()).toHaveLength(1);
  });

  it('keeps the position where a group began, unless the topic is new', async () => {
    const positions = new PositionStore(flow.database);
    await positions.begin(place, 3n, true);
    await positions.begin(place, 9n, false);
    expect(await positions.find(place)).toEqual({ firstOffset: 3n, nextOffset: 3n });
    await positions.skip(place, 4n, new Date(9_000));
    await positions.skip(place, 5n, new Date(8_000));
    expect(await positions.find(place)).toEqual({ firstOffset: 3n, nextOffset: 6n, newestAt: new Date(9_000) });
    expect(await positions.find({ ...place, partition: 1 })).toBeUndefined();
  });
});

describe('jobs with the same key', () => {
  const submitAll = async (count: number, name = queue) => {
    await new PositionStore(flow.database).begin(place, 0n, true);
    const ids: string[] = [];
    for (let offset = 0; offset < count; offset++) ids.push(await flow.submit({}, sourceOf(BigInt(offset), name)));
    return ids;
  };

  it('run one after the other, in the order of their records', async () => {
    const [first, second, third] = await submitAll(3);
    expect((await jobs()).map(({ waits }: { waits: boolean }) => waits)).toEqual([false, true, true]);
    expect((await flow.jobs.find(second!))!.notifications['102']!.message).toContain(first!);
    expect((await flow.lease('discover')).jobId).toBe(first);
    await expect(flow.lease('discover')).rejects.toThrow('No row is pending');
    expect(await flow.jobs.startNext(queue, new Date())).toBeUndefined();
    await end(first!);
    expect(await flow.jobs.startNext(queue, new Date())).toBe(second);
    expect(await flow.jobs.startNext(queue, new Date())).toBeUndefined();
    await end(third!);
    await end(second!);
    expect(await flow.jobs.startNext(queue, new Date())).toBeUndefined();
  });

  it('start at their turn: deadline and end of usage count from then on', async () => {
    await new PositionStore(flow.database).begin(place, 0n, true);
    const first = await flow.submit({}, sourceOf(0n));
    const second = await flow.submit({ request: { deadline: '1h' }, deadlineAt: new Date(0) }, sourceOf(1n));
    expect((await flow.jobs.find(second))!.deadlineAt).toBeNull();
    await end(first);
    const now = new Date('2026-01-01T10:20:00Z');
    await flow.jobs.startNext(queue, now);
    expect(await flow.jobs.find(second)).toMatchObject({
      waits: false,
      startedAt: now,
      usageEnd: new Date('2026-01-01T10:15:00Z'),
      deadlineAt: new Date('2026-01-01T11:20:00Z'),
      notifications: {},
    });
  });

  it('are found when nobody started the next one', async () => {
    const [first] = await submitAll(2);
    expect(await flow.jobs.idleQueues()).toEqual([]);
    await end(first!);
    expect(await flow.jobs.idleQueues()).toEqual([queue]);
  });

  it('are listed with their running job', async () => {
    const other = queueOf({ trigger: 'default', topic: 'requests', key: Buffer.from('zz') });
    await new PositionStore(flow.database).begin(place, 0n, true);
    const first = await flow.submit({}, sourceOf(0n));
    await flow.submit({}, sourceOf(1n));
    const alone = await flow.submit({}, sourceOf(2n, other));
    const [shownFirst, shownSecond] = [queue, other].sort();
    const listed = await flow.jobs.queues('', 10);
    expect(listed.map((each) => each.queue)).toEqual([shownFirst, shownSecond]);
    expect(listed.find((each) => each.queue === queue)).toMatchObject({ jobId: first, waiting: 1 });
    expect(listed.find((each) => each.queue === other)).toMatchObject({ jobId: alone, waiting: 0 });
    expect(await flow.jobs.queues(shownFirst!, 10)).toHaveLength(1);
  });

  it('do not wait for jobs without a key or with another one', async () => {
    await new PositionStore(flow.database).begin(place, 0n, true);
    await flow.submit({}, sourceOf(0n));
    await flow.submit({}, { ...sourceOf(1n), queue: undefined } as never);
    expect((await jobs()).map(({ waits }: { waits: boolean }) => waits)).toEqual([false, false]);
  });

  it('keep their key byte for byte', () => {
    expect(readQueue(queue)).toEqual({ trigger: 'default', topic: 'requests', key: Buffer.from([0xff, 0x00]) });
  });
});
