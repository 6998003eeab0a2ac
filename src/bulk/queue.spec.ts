import { jest } from '@jest/globals';
import { logger } from '../settings/logger.js';
import { QueueBackend, WakeUps } from './queue.js';
import { type Step, stepNames, wakeUpId } from './steps.js';

type Queue = { addBulk?: (jobs: unknown[]) => Promise<unknown>; getWaitingCount?: () => Promise<number> };

const wakeUpsOf = (queues: Record<string, Queue>) =>
  new WakeUps({ queue: (step: string) => queues[step] ?? {}, trouble: () => undefined } as never);

it('adds each row once, by its id, and does not call the queue for an empty list', async () => {
  const added: unknown[] = [];
  const wakeUps = wakeUpsOf({ publish: { addBulk: async (jobs) => added.push(...jobs) } });
  await wakeUps.wakeAll({ publish: [{ jobId: 'a', shard: 0 }], finish: [] });
  await wakeUps.wake('publish');
  expect(added).toEqual([{ name: 'publish', data: { jobId: 'a', shard: 0 }, opts: { jobId: 'a-0' } }]);
  expect(wakeUpId({ jobId: 'a' })).toBe('a');
});

it('returns after the wake-ups are added', async () => {
  let isAdded = false;
  const addBulk = async () => {
    await new Promise((done) => setTimeout(done, 50));
    isAdded = true;
  };
  await wakeUpsOf({ discover: { addBulk } }).wake('discover', { jobId: 'a' });
  expect(isAdded).toBe(true);
});

it('drops wake-ups if the queue fails, without an error for the caller', async () => {
  const addBulk = () => Promise.reject(new Error('down'));
  await expect(wakeUpsOf({ discover: { addBulk } }).wake('discover', { jobId: 'a' })).resolves.toBeUndefined();
});

it('returns the depths of the queues that respond', async () => {
  const queues = Object.fromEntries(stepNames.map((step, index) => [step, { getWaitingCount: async () => index }]));
  const depths = await wakeUpsOf({ ...queues, publish: { getWaitingCount: () => Promise.reject(new Error('down')) } }).depths();
  expect(depths).toEqual({ discover: 0, measure: 1, finish: 3, notify: 4 });
});

describe('a worker that cannot reach the queue', () => {
  /** The backend before it has a connection, and what its workers report. */
  type Backend = Pick<QueueBackend, 'trouble'> & { noteError(step: Step, error: Error): void; noteSuccess(): void };
  const open = () => new (QueueBackend as unknown as new (redisUrl: string) => Backend)('redis://127.0.0.1:9');
  let warnings: unknown[];
  beforeEach(() => {
    warnings = [];
    jest.spyOn(logger, 'warn').mockImplementation((...line: unknown[]) => void warnings.push(line[1]));
  });
  afterEach(() => void jest.restoreAllMocks());

  it('is the trouble for a while; only the first report is a warning', () => {
    const backend = open();
    const now = jest.spyOn(performance, 'now').mockReturnValue(100_000);
    expect(backend.trouble()).toBeUndefined();
    backend.noteError('measure', new Error('down'));
    backend.noteError('publish', new Error('still down'));
    expect(backend.trouble()).toMatch(/: still down$/);
    expect(warnings).toEqual([expect.stringContaining('cannot be reached')]);
    now.mockReturnValue(200_000);
    expect(backend.trouble()).toBeUndefined();
  });

  it('is not confused with one whose message another worker has taken over', () => {
    const backend = open();
    backend.noteError('measure', new Error('Missing lock for job 1'));
    expect(backend.trouble()).toBeUndefined();
    expect(warnings).toEqual([]);
  });
});
