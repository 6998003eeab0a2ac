import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { MetricProfile } from '../src/profiles/metric-profile.js';
import { TaskWindows } from '../src/usage/cache/copy-rows.js';
import { windowKeys } from '../src/usage/cache/window-key.js';
import { blockRows } from '../src/usage/cache/window-rows.js';
import { WindowStore } from '../src/usage/cache/window-store.js';
import { exampleDatasource } from './examples.js';
import { experimentNamed, type JobFlow, openJobFlow } from './job-flow.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { waitUntil } from './servers/wait-until.js';

const megabyte = 1024 * 1024;
/** The lock keys of window-store.ts. */
const locks = { write: 7_281_554_302, cleanUp: 7_281_554_303 };

const profile: MetricProfile = { name: 'p', variables: new Map() };
const stepSeconds = 900;
/** A request for the rows of the experiments from the block `first` to the block `last`. */
function requestOf(names: readonly string[], first: number, last: number) {
  const datasource = exampleDatasource();
  const experiments = names.map((name) => experimentNamed(name));
  const rows = (last - first) * blockRows + 1;
  const endSeconds = last * blockRows * stepSeconds;
  return { datasource, metricProfile: profile.name, experiments, endSeconds, stepSeconds, rows, dropsInactive: false };
}
/** The keys of experiments with these names. */
const [one, two, three] = windowKeys(requestOf(['one', 'two', 'three'], 0, 0), profile, 'workload') as [string, string, string];
const names: Readonly<Record<string, string>> = { [one]: 'one', [two]: 'two', [three]: 'three' };

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
  store = new WindowStore(flow.database, { find: () => profile }, { USAGE_SCOPE: 'workload', USAGE_STORE_DAYS: 16, USAGE_STORE_MAX_MB: 3 });
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
  const windows = new TaskWindows();
  for (const { key, numbers = [], text = 'x', bytes, replacesAll = false, firstBlock = 0 } of all) {
    const data = bytes === undefined ? Buffer.from(text) : Buffer.alloc(bytes);
    windows.add({ key, blocks: numbers.map((number) => ({ number, data })), replacesAll, firstBlock });
  }
  // As from another thread.
  await store.write(structuredClone(windows.writes()!));
}

async function load(keys: readonly string[], first = 0, last = 100): Promise<Record<string, string[]>> {
  const request = requestOf(
    keys.map((key) => names[key]!),
    first,
    last,
  );
  const windows = new TaskWindows(await store.load(request));
  const found = keys.map((key) => [key, windows.blocksOf(key).map(({ number, data }) => `${number} ${data}`)] as const);
  return Object.fromEntries(found.filter(([, blocks]) => blocks.length > 0).map(([key, blocks]) => [key, [...blocks].sort()]));
}

const series = async () => (await other.query('SELECT key, first_block, bytes::int FROM usage_series ORDER BY bytes')).rows;
const useLast = (key: string, daysAgo: number) =>
  other.query('UPDATE usage_series SET used_at = now() - make_interval(days => $2) WHERE key = $1', [key, daysAgo]);

describe('windows in the store', () => {
  it('are loaded by experiment and block', async () => {
    await write({ key: one, numbers: [4, 5, 6, 7], text: 'one' }, { key: two, numbers: [5], text: 'two' });
    expect(await load([one], 5, 6)).toEqual({ [one]: ['5 one', '6 one'] });
    expect(await load([one, two, three], 5, 5)).toEqual({ [one]: ['5 one'], [two]: ['5 two'] });
  });

  it('replace blocks of the same number, or all blocks of their experiment; other windows stay', async () => {
    await write({ key: one, numbers: [1, 2], text: 'old' }, { key: two, numbers: [1, 2], text: 'old' }, { key: three, numbers: [1, 2] });
    await write({ key: one, numbers: [2, 3], text: 'new' }, { key: two, numbers: [2], text: 'new', replacesAll: true });
    expect(await load([one, two, three])).toEqual({ [one]: ['1 old', '2 new', '3 new'], [two]: ['2 new'], [three]: ['1 x', '2 x'] });
  });

  it('are counted by their own bytes, and start at the latest first block', async () => {
    await write({ key: one, numbers: [1, 2], bytes: 10, firstBlock: 7 }, { key: two, numbers: [1], bytes: 50, firstBlock: 3 });
    await write({ key: one, numbers: [3], bytes: 5, firstBlock: 4 });
    expect(await series()).toEqual([
      { key: one, first_block: 7, bytes: 25 },
      { key: two, first_block: 3, bytes: 50 },
    ]);
  });

  it('are written by one process at a time', async () => {
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

describe('clearing up', () => {
  it('deletes only windows that were not used for a long time, with their blocks', async () => {
    await write({ key: one, numbers: [1] }, { key: two, numbers: [1] });
    await useLast(one, 17);
    await useLast(two, 15);
    await store.cleanUp();
    expect(await load([one, two])).toEqual({ [two]: ['1 x'] });
    expect(await series()).toMatchObject([{ key: two }]);
  });

  it('deletes the least used windows beyond the size; one that just fits stays', async () => {
    await write(
      { key: one, numbers: [1], bytes: megabyte },
      { key: two, numbers: [1], bytes: 2 * megabyte },
      { key: three, numbers: [1], bytes: 1 },
    );
    await useLast(one, 1);
    await useLast(two, 2);
    await useLast(three, 3);
    await store.cleanUp();
    expect((await series()).map(({ key }) => key)).toEqual([one, two]);
    expect(Object.keys(await load([one, two, three])).sort()).toEqual([one, two].sort());
  });

  it('deletes blocks before the first one that is needed', async () => {
    await write({ key: one, numbers: [1, 2, 3], firstBlock: 2 }, { key: two, numbers: [1], firstBlock: 1 });
    await store.cleanUp();
    expect(await load([one, two])).toEqual({ [one]: ['2 x', '3 x'], [two]: ['1 x'] });
  });

  it('does nothing while another process clears up', async () => {
    await write({ key: one, numbers: [1] });
    await useLast(one, 17);
    await other.query('SELECT pg_advisory_lock($1)', [locks.cleanUp]);
    await store.cleanUp();
    expect(await load([one])).toEqual({ [one]: ['1 x'] });
    await other.query('SELECT pg_advisory_unlock($1)', [locks.cleanUp]);
    await store.cleanUp();
    expect(await load([one])).toEqual({});
  });
});
