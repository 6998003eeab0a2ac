import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Arena } from '../src/usage/cache/arena.js';
import { WindowStore, WriteBatch } from '../src/usage/cache/window-store.js';

import { type JobFlow, openJobFlow } from './job-flow.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { waitUntil } from './servers/wait-until.js';

const megabyte = 1024 * 1024;
/** The lock keys of window-store.ts. */
const locks = { write: 7_281_554_302, clearUp: 7_281_554_303 };

let postgres: PostgresServer;
let flow: JobFlow;
let other: pg.Client;
let store: WindowStore;

beforeAll(async () => {
  postgres = await startPostgres({ given: process.env.DATABASE_URL });
  const url = await postgres.createDatabase();
  flow = await openJobFlow(url);
  other = new pg.Client(url);
  await other.connect();
  store = new WindowStore(flow.database, { USAGE_STORE_DAYS: 16, USAGE_STORE_MAX_MB: 3 });
});

afterAll(async () => {
  await other?.end();
  await flow?.close();
  await postgres?.stop();
});

beforeEach(() => other.query('TRUNCATE usage_series, usage_block'));

interface Written {
  readonly key: string;
  readonly numbers?: readonly number[];
  readonly text?: string;
  readonly bytes?: number;
  readonly replacesAll?: boolean;
  readonly firstBlock?: number;
}

async function write(...all: readonly Written[]): Promise<void> {
  const batch = new WriteBatch();
  for (const { key, numbers = [], text = 'x', bytes, replacesAll = false, firstBlock = 0 } of all) {
    const data = bytes === undefined ? Buffer.from(text) : Buffer.alloc(bytes);
    batch.add({ key, blocks: numbers.map((number) => ({ number, data })), replacesAll, firstBlock });
  }
  await store.write(batch);
}

async function load(keys: readonly string[], first = 0, last = 100): Promise<Record<string, string[]>> {
  const found = await store.load(keys, { first, last }, new Arena());
  return Object.fromEntries([...found].map(([key, blocks]) => [key, blocks.map(({ number, data }) => `${number} ${data}`).sort()]));
}

const series = async () => (await other.query('SELECT key, first_block, bytes::int FROM usage_series ORDER BY bytes')).rows;
const useLast = (key: string, daysAgo: number) =>
  other.query('UPDATE usage_series SET used_at = now() - make_interval(days => $2) WHERE key = $1', [key, daysAgo]);
const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()];

describe('windows in the store', () => {
  it('are read by the requested keys and blocks', async () => {
    await write({ key: one, numbers: [4, 5, 6, 7], text: 'one' }, { key: two, numbers: [5], text: 'two' });
    expect(await load([one], 5, 6)).toEqual({ [one]: ['5 one', '6 one'] });
    expect(await load([one, two, three], 5, 5)).toEqual({ [one]: ['5 one'], [two]: ['5 two'] });
  });

  it('replace blocks of the same number, or all of them on request; other windows stay', async () => {
    await write({ key: one, numbers: [1, 2], text: 'old' }, { key: two, numbers: [1, 2], text: 'old' }, { key: three, numbers: [1, 2] });
    await write({ key: one, numbers: [2, 3], text: 'new' }, { key: two, numbers: [2], text: 'new', replacesAll: true });
    expect(await load([one, two, three])).toEqual({ [one]: ['1 old', '2 new', '3 new'], [two]: ['2 new'], [three]: ['1 x', '2 x'] });
  });

  it('are counted in bytes, starting at the latest first block', async () => {
    await write({ key: one, numbers: [1, 2], bytes: 10, firstBlock: 7 }, { key: two, numbers: [1], bytes: 50, firstBlock: 3 });
    await write({ key: one, numbers: [3], bytes: 5, firstBlock: 4 });
    expect(await series()).toEqual([
      { key: one, first_block: 7, bytes: 25 },
      { key: two, first_block: 3, bytes: 50 },
    ]);
  });

  it('are written by one writer at a time', async () => {
    await other.query('SELECT pg_advisory_lock($1)', [locks.write]);
    const written = write({ key: one, numbers: [1] });
    const waiting = async () =>
      (await other.query("SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).rows[0];
    await waitUntil('the writer waits', async () => (await waiting()).count === 1);
    await other.query('SELECT pg_advisory_unlock($1)', [locks.write]);
    await written;
    expect(await load([one])).toEqual({ [one]: ['1 x'] });
  });

  it('are written completely or not at all', async () => {
    await write({ key: one, numbers: [1], text: 'old' });
    await expect(write({ key: one, numbers: [1, 2, 2], text: 'new' })).rejects.toThrow(/duplicate key/);
    expect(await load([one])).toEqual({ [one]: ['1 old'] });
  });
});

describe('cleanup', () => {
  it('deletes windows that have not been used for long, with their blocks, and no others', async () => {
    await write({ key: one, numbers: [1] }, { key: two, numbers: [1] });
    await useLast(one, 17);
    await useLast(two, 15);
    await store.clearUp();
    expect(await load([one, two])).toEqual({ [two]: ['1 x'] });
    expect(await series()).toMatchObject([{ key: two }]);
  });

  it('deletes the least recently used windows above the size limit; one that just fits stays', async () => {
    await write(
      { key: one, numbers: [1], bytes: megabyte },
      { key: two, numbers: [1], bytes: 2 * megabyte },
      { key: three, numbers: [1], bytes: 1 },
    );
    await useLast(one, 1);
    await useLast(two, 2);
    await useLast(three, 3);
    await store.clearUp();
    expect((await series()).map(({ key }) => key)).toEqual([one, two]);
    expect(Object.keys(await load([one, two, three])).sort()).toEqual([one, two].sort());
  });

  it('deletes blocks before the first required one', async () => {
    await write({ key: one, numbers: [1, 2, 3], firstBlock: 2 }, { key: two, numbers: [1], firstBlock: 1 });
    await store.clearUp();
    expect(await load([one, two])).toEqual({ [one]: ['2 x', '3 x'], [two]: ['1 x'] });
  });

  it('is skipped while another process does it', async () => {
    await write({ key: one, numbers: [1] });
    await useLast(one, 17);
    await other.query('SELECT pg_advisory_lock($1)', [locks.clearUp]);
    await store.clearUp();
    expect(await load([one])).toEqual({ [one]: ['1 x'] });
    await other.query('SELECT pg_advisory_unlock($1)', [locks.clearUp]);
    await store.clearUp();
    expect(await load([one])).toEqual({});
  });
});
