import { join } from 'node:path';
import { makeTempFolder, removeTempFolder } from '../../test/servers/temp-folder.js';
import { waitUntil } from '../../test/servers/wait-until.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import { readSettings } from '../settings/read-settings.js';
import { type MeasureTask, ThreadDied, ThreadsClosed } from './sizer.js';
import { WorkerThreads } from './threads.js';

class SmallThreads extends WorkerThreads {
  protected override readonly worker = new URL('../../test/small-thread.mjs', import.meta.url).href;
}

const never = new AbortController().signal;
let threads: SmallThreads;
let isShutDown: boolean;

/** Starts threads; by default one. */
async function start({ ROLE = 'all', MEASURE_THREADS = '1', DATASOURCE_CONCURRENCY = '4', CONFIG_DIR = '' } = {}) {
  threads = new SmallThreads(readSettings({ ROLE, MEASURE_THREADS, DATASOURCE_CONCURRENCY, CONFIG_DIR, DATABASE_URL: 'postgres://db/x' }));
  isShutDown = false;
  await threads.onApplicationBootstrap();
}

async function shutDown() {
  isShutDown = true;
  await threads.onApplicationShutdown();
}

const measure = async (jobId: string, signal = never, more: Partial<MeasureTask> = {}) =>
  (await threads.measure({ jobId, datasource: { name: 'prometheus-1' }, ...more } as MeasureTask, signal)).measurements as unknown[];

afterEach(async () => {
  if (!isShutDown) await shutDown();
});

describe('WorkerThreads', () => {
  it('returns the result of a thread and notes when the datasource responded', async () => {
    await start();
    expect(threads.lastAnswerAt('prometheus-1')).toBeUndefined();
    expect(await measure('says its number')).toEqual([expect.any(Number)]);
    expect(threads.lastAnswerAt('prometheus-1')).toBeGreaterThan(0);
  });

  it('rejects with the error of a thread', async () => {
    await start();
    await expect(measure('fails')).rejects.toThrow(new DatasourceError('timeout', 'no answer'));
    expect(threads.lastAnswerAt('prometheus-1')).toBeUndefined();
  });

  it('shares the memory of windows with a thread', async () => {
    await start();
    const stored = new Uint8Array(new SharedArrayBuffer(1_000));
    expect(await measure('fills what is stored', never, { windows: { stored } })).toEqual([1_000]);
    expect(stored.every((byte) => byte === 7)).toBe(true);
  });

  it('starts no threads in a process that only serves REST', async () => {
    await start({ ROLE: 'api' });
    await expect(measure('says its number')).rejects.toThrow(ThreadsClosed);
  });

  it('works on tasks concurrently and stops only one', async () => {
    await start();
    const [first] = await measure('says its number');
    const stop = new AbortController();
    const waiting = measure('waits', stop.signal);
    expect(await measure('says its number')).toEqual([first]);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    expect(await measure('says its number')).toEqual([first]);
  });

  it('rejects if a thread ends at work, and continues with a new one', async () => {
    await start();
    const [first] = await measure('says its number');
    await expect(measure('dies')).rejects.toThrow(ThreadDied);
    expect(await measure('says its number')).not.toEqual([first]);
  });

  it('lets a thread continue when another one ends', async () => {
    await start({ MEASURE_THREADS: '2' });
    const [first] = await measure('says its number');
    const stop = new AbortController();
    const waiting = measure('waits', stop.signal).catch((reason) => reason);
    await expect(measure('dies')).rejects.toThrow(ThreadDied);
    await waitUntil('the other one is replaced', async () => (await measure('says its number'))[0] !== first);
    stop.abort(new Error('stopped'));
    expect(await waiting).toEqual(new Error('stopped'));
  });

  it.each([
    ['2', '5', 2],
    ['3', '1', 1],
    ['1', '4', 4],
  ])(
    'divides between %s threads the limit of %s concurrent requests to a datasource',
    async (MEASURE_THREADS, DATASOURCE_CONCURRENCY, share) => {
      await start({ MEASURE_THREADS, DATASOURCE_CONCURRENCY });
      expect(await measure('says its share')).toEqual([share]);
      const numbers = await Promise.all(Array.from({ length: 20 }, () => measure('says its number')));
      expect(new Set(numbers.flat()).size * share).toBeLessThanOrEqual(Number(DATASOURCE_CONCURRENCY));
    },
  );

  it('starts new threads if all ended during their start', async () => {
    const folder = makeTempFolder('small-thread');
    await start({ CONFIG_DIR: join(folder, 'starts') });
    await waitUntil('a thread works', async () => (await measure('says its number')).length === 1);
    removeTempFolder(folder);
  });

  it('rejects current and later tasks when the process shuts down', async () => {
    await start();
    const waiting = expect(measure('waits')).rejects.toThrow(ThreadsClosed);
    await shutDown();
    await waiting;
    await expect(measure('says its number')).rejects.toThrow(ThreadsClosed);
  });
});
