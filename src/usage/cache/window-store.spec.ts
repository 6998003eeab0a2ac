import { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { exampleContainer, exampleDatasource } from '../../../test/examples.js';
import { waitUntil } from '../../../test/servers/wait-until.js';
import type { MetricProfile } from '../../profiles/metric-profile.js';
import { logger } from '../../settings/logger.js';
import { type WindowWrites } from './copy-rows.js';
import { windowKeys } from './window-key.js';
import { blockRows } from './window-rows.js';
import { WindowStore } from './window-store.js';

const mib = 1024 * 1024;
const minute = 60_000;

/** A fake PostgreSQL for WindowStore that records the calls. */
class FakeDatabase {
  /** First byte of each committed COPY. */
  readonly stored: number[] = [];
  readonly queries: string[] = [];
  /** Size of all committed COPYs. */
  bytes = 0;
  /** Chunks that COPY TO STDOUT returns. */
  rows: Buffer[] = [];
  cleanUps = 0;
  open = 0;
  maxWriters = 0;
  isDown = false;
  /** Transactions wait for these. */
  writeGate: Promise<void> | undefined;
  cleanUpGate: Promise<void> | undefined;
  private writers = 0;

  async transaction(work: (transaction: object) => Promise<void>): Promise<void> {
    this.maxWriters = Math.max(this.maxWriters, ++this.writers);
    try {
      const copied: Buffer[] = [];
      await work({
        query: (text: string) => this.query(text),
        queryRunner: { connect: async () => ({ query: () => collectInto(copied) }) },
      });
      if (copied.length > 0) this.stored.push(copied[0]![0]!);
      this.bytes += Buffer.concat(copied).length;
    } finally {
      this.writers--;
    }
  }

  createQueryRunner() {
    this.open++;
    return {
      connect: async () => ({
        query: ({ text }: { text: string }) => {
          if (this.isDown) throw new Error('down');
          this.queries.push(text);
          return Readable.from(this.rows);
        },
      }),
      release: async () => void this.open--,
    };
  }

  private async query(text: string): Promise<object[]> {
    if (this.isDown) throw new Error('down');
    if (text.includes('pg_advisory_xact_lock')) await this.writeGate;
    if (!text.includes('pg_try_advisory_xact_lock')) return [];
    await this.cleanUpGate;
    this.cleanUps++;
    return [{ locked: true }];
  }
}

function collectInto(chunks: Buffer[]): Writable {
  return new Writable({
    write: (chunk: Buffer, _, done) => {
      chunks.push(chunk);
      done();
    },
  });
}

/** A promise and the function that resolves it. */
function gate(): { promise: Promise<void>; open: () => void } {
  let open = () => {};
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}

const windowsOf = (mark: number, size = 10): WindowWrites => ({
  copy: new Uint8Array(new SharedArrayBuffer(size)).fill(mark, 0, 1),
  series: [{ key: '00000000-0000-4000-8000-000000000000', numbers: [1], replacesAll: false, firstBlock: 0 }],
});

/** The memory that the next task would get. */
const nextMemory = async () => (await store.load({ refresh: true } as never)).memory;

const profile: MetricProfile = { name: 'p', variables: new Map() };
const settings = { USAGE_SCOPE: 'workload', USAGE_STORE_DAYS: 16, USAGE_STORE_MAX_MB: 100 } as const;
let database: FakeDatabase;
let store: WindowStore;
let warnings: (string | undefined)[];
let nowMs: number;
beforeEach(() => {
  database = new FakeDatabase();
  store = new WindowStore(database as never, { find: (name) => (name === 'p' ? profile : undefined) }, settings);
  warnings = [];
  nowMs = 100_000;
  jest.spyOn(logger, 'warn').mockImplementation((_: unknown, text?: string) => void warnings.push(text));
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(() => jest.restoreAllMocks());

describe('WindowStore stores', () => {
  it('one after the other, in the order of arrival', async () => {
    for (const mark of [1, 2, 3]) store.add(windowsOf(mark));
    await store.flush();
    expect(database.stored).toEqual([1, 2, 3]);
    expect(database.maxWriters).toBe(1);
  });

  it('in the background: only flush waits', async () => {
    const { promise, open } = gate();
    database.writeGate = promise;
    let isFlushed = false;
    store.add(windowsOf(1));
    const flushed = store.flush().then(() => (isFlushed = true));
    await new Promise(setImmediate);
    expect([isFlushed, database.stored]).toEqual([false, []]);
    open();
    await flushed;
    expect(database.stored).toEqual([1]);
  });

  it('everything before the application ends', async () => {
    store.add(windowsOf(1));
    await store.flush();
    expect(database.stored).toEqual([1]);
  });

  it('what was added during a write', async () => {
    const { promise, open } = gate();
    database.writeGate = promise;
    store.add(windowsOf(1));
    const flushed = store.flush();
    await new Promise(setImmediate);
    store.add(windowsOf(2));
    open();
    await flushed;
    expect(database.stored).toEqual([1, 2]);
  });

  it('what was added during the clean-up', async () => {
    const { promise, open } = gate();
    database.cleanUpGate = promise;
    store.add(windowsOf(1));
    while (database.stored.length === 0) await new Promise(setImmediate);
    await new Promise(setImmediate);
    store.add(windowsOf(2));
    open();
    await store.flush();
    expect(database.stored).toEqual([1, 2]);
  });

  it('at most what fits into its memory, warns once, and accepts more when that is stored', async () => {
    const { promise, open } = gate();
    database.writeGate = promise;
    store.add(windowsOf(1));
    for (const [mark, size] of [
      [2, 40 * mib],
      [3, 40 * mib],
      [4, 40 * mib],
      [5, 10 * mib],
    ] as const) {
      store.add(windowsOf(mark, size));
    }
    open();
    await store.flush();
    expect(database.stored).toEqual([1, 2, 5]);
    store.add(windowsOf(6, 60 * mib));
    await store.flush();
    expect(database.stored).toEqual([1, 2, 5, 6]);
    expect(warnings).toEqual(['usage windows arrive faster than PostgreSQL stores them; some are not stored']);
  });

  it('what is added after a failure, and warns about the failure once', async () => {
    database.isDown = true;
    for (const mark of [1, 2]) {
      store.add(windowsOf(mark));
      await store.flush();
    }
    database.isDown = false;
    store.add(windowsOf(3));
    await store.flush();
    expect(database.stored).toEqual([3]);
    expect(warnings).toEqual(['cannot store usage windows; the next jobs read this usage again']);
  });
});

describe('WindowStore writes', () => {
  it('while no read runs', async () => {
    const { promise, open } = gate();
    const reading = store.during(() => promise);
    store.add(windowsOf(1));
    await sleep(150);
    expect(database.stored).toEqual([]);
    open();
    await reading;
    await waitUntil('the windows are stored', () => database.stored.length === 1);
  });

  it.each([
    ['when windows have waited for two seconds', 10, 2_001],
    ['when half of the memory is pending', 33 * mib, 0],
  ])('%s, even while a read runs', async (_, size, laterMs) => {
    const { promise, open } = gate();
    const reading = store.during(() => promise);
    store.add(windowsOf(1, size));
    nowMs += laterMs;
    await waitUntil('the windows are stored', () => database.stored.length === 1);
    open();
    await reading;
  });

  it('and reuses a limited amount of memory for the next tasks', async () => {
    const spent = Array.from({ length: 9 }, () => new SharedArrayBuffer(mib));
    store.add(windowsOf(1, mib), [new SharedArrayBuffer(17 * mib), new SharedArrayBuffer(10), ...spent]);
    const found = [];
    for (let task = 0; task < 10; task++) found.push(await nextMemory());
    expect(found.filter((memory) => memory !== undefined)).toHaveLength(8);
    expect(spent).toEqual(expect.arrayContaining(found.slice(0, 8)));
    await store.flush();
    expect(await nextMemory()).toBeInstanceOf(SharedArrayBuffer);
  });

  it.each([
    ['at once, if the waiting windows fill only a quarter of it', 256 * 1024, true],
    ['only after they are stored, if they fill more', 256 * 1024 + 1, false],
  ])('and reuses memory %s', async (_, used, isFree) => {
    const writes = windowsOf(1, mib);
    store.add({ ...writes, copy: writes.copy.subarray(0, used) });
    expect(await nextMemory()).toBe(isFree ? writes.copy.buffer : undefined);
    await store.flush();
    expect(database.stored).toEqual([1]);
    expect(database.bytes).toBe(used);
  });
});

describe('WindowStore cleans up', () => {
  it('after the first write, and then at most every ten minutes', async () => {
    const cleanUps: number[] = [];
    for (const laterMs of [0, minute, 8 * minute, minute, 9 * minute]) {
      nowMs += laterMs;
      store.add(windowsOf(1));
      await store.flush();
      cleanUps.push(database.cleanUps);
    }
    expect(cleanUps).toEqual([1, 1, 1, 2, 2]);
  });
});

describe('WindowStore loads', () => {
  const datasource = exampleDatasource();
  const experiment = exampleContainer();
  const endSeconds = 20_000 * blockRows * 900;
  const request = {
    datasource,
    metricProfile: 'p',
    experiments: [experiment, { ...experiment, container: 'proxy' }],
    endSeconds,
    stepSeconds: 900,
    rows: 2 * blockRows,
  };

  it('the blocks of a request into memory that threads share', async () => {
    database.rows = [Buffer.from('one '), Buffer.from('two')];
    const { stored } = await store.load(request);
    expect(stored!.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(Buffer.from(stored!).toString()).toBe('one two');
    const keys = windowKeys(request, profile, 'workload').map((key) => `'${key}'`);
    expect(database.queries).toEqual([expect.stringContaining(`key IN (${keys.join(', ')}) AND block BETWEEN 19998 AND 20000`)]);
    expect(database.open).toBe(0);
  });

  it.each([
    ['for a refresh', { refresh: true }],
    ['for an unknown profile', { metricProfile: 'other' }],
  ])('nothing %s', async (_, over) => {
    expect(await store.load({ ...request, ...over })).toEqual({ memory: undefined });
    expect(database.queries).toEqual([]);
  });

  it('nothing if PostgreSQL fails, warns once and releases the connection', async () => {
    database.isDown = true;
    expect([await store.load(request), await store.load(request)]).toEqual([{ memory: undefined }, { memory: undefined }]);
    expect(warnings).toEqual(['cannot load stored usage; all usage is read again']);
    expect(database.open).toBe(0);
  });
});
