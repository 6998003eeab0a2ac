import { waitUntil } from '../../test/servers/wait-until.js';
import { Reconciler } from './reconciler.js';

/** A reconciler over rows that the test makes up; `told` is what it did, in order. */
function reconcile({ role = 'all', days = 0, failsFirst = false, failsEnding = false, isIdle = (): boolean => false } = {}) {
  const told: string[] = [];
  const later = async <T>(ms: number, value: T): Promise<T> => {
    await new Promise((done) => setTimeout(done, ms));
    return value;
  };
  let rounds = 0;
  const jobs = {
    countUnpublished: async () => 0,
    pastDeadline: async () => {
      rounds++;
      if (failsFirst && rounds === 1) throw new Error('the database is away');
      return [{ jobId: 'late', deadline: '1h' }];
    },
    deleteEndedBefore: async (before: Date) => {
      told.push(`deletes before ${Math.round((Date.now() - before.getTime()) / 86_400_000)} days`);
      return 1;
    },
  };
  const leases = { waiting: async (step: string) => (step === 'measure' ? [{ jobId: 'a', shard: 1 }] : []) };
  const wakeUps = { wake: async (step: string, ...rows: object[]) => told.push(await later(1, `wakes ${step} ${rows.length}`)) };
  const runner = { isIdle, fillPlace: async (step: string) => told.push(`fills a place of ${step}`) };
  const ended = {
    end: async (jobId: string, notifications: object) => {
      told.push(await later(50, `ends ${jobId} ${Object.keys(notifications)}`));
      if (failsEnding) throw new Error('this row cannot be written');
    },
  };
  const experiments = {
    deleteUnseenSince: async (before: Date) => {
      told.push(`forgets before ${Math.round((Date.now() - before.getTime()) / 86_400_000)} days`);
      return 1;
    },
  };
  const settings = { ROLE: role, RECONCILE_INTERVAL_MS: 1, JOB_RETENTION_DAYS: days };
  const reconciler = new Reconciler(
    jobs as never,
    leases as never,
    wakeUps as never,
    runner as never,
    ended as never,
    experiments as never,
    settings as never,
  );
  reconciler.onApplicationBootstrap();
  return { told, reconciler, rounds: () => rounds };
}

const round = ['ends late 504', 'wakes discover 0', 'wakes measure 1', 'wakes publish 0', 'wakes finish 0', 'wakes notify 0'];

it('ends jobs past their deadline and wakes what waits, one after the other, again and again', async () => {
  const { told, reconciler } = reconcile();
  await waitUntil('two rounds are done', () => told.length >= 2 * round.length);
  reconciler.onModuleDestroy();
  expect(told.slice(0, 2 * round.length)).toEqual([...round, ...round]);
});

it('wakes what waits though a job past its deadline cannot be ended', async () => {
  const { told, reconciler } = reconcile({ failsEnding: true });
  await waitUntil('a round is done', () => told.length >= round.length);
  reconciler.onModuleDestroy();
  expect(told.slice(0, round.length)).toEqual(round);
});

it('deletes old jobs where they are not kept for ever', async () => {
  const { told, reconciler } = reconcile({ days: 30 });
  await waitUntil('a round is done', () => told.length > round.length + 1);
  reconciler.onModuleDestroy();
  expect(told.slice(round.length, round.length + 2)).toEqual(['deletes before 30 days', 'forgets before 30 days']);
});

it('fills a place itself where the queue woke nobody for a whole round', async () => {
  const { told, reconciler } = reconcile({ isIdle: () => true });
  await waitUntil('four rounds are done', () => told.length >= 4 * round.length + 2);
  reconciler.onModuleDestroy();
  const filling = round.flatMap((line) => (line === 'wakes measure 1' ? [line, 'fills a place of measure'] : [line]));
  expect(told.slice(0, 4 * round.length + 2)).toEqual([...round, ...filling, ...round, ...filling]);
});

it('leaves a step to the queue whose places are filled now and then', async () => {
  let asked = 0;
  const { told, reconciler } = reconcile({ isIdle: () => asked++ % 2 === 0 });
  await waitUntil('four rounds are done', () => told.length >= 4 * round.length);
  reconciler.onModuleDestroy();
  expect(told.slice(0, 4 * round.length)).toEqual([...round, ...round, ...round, ...round]);
});

it('goes on after a round that failed', async () => {
  const { told, reconciler } = reconcile({ failsFirst: true });
  await waitUntil('a round is done', () => told.length >= round.length);
  reconciler.onModuleDestroy();
  expect(told.slice(0, round.length)).toEqual(round);
});

it('does nothing in a process that only answers REST, and nothing after its end', async () => {
  const api = reconcile({ role: 'api' });
  const ending = reconcile();
  await waitUntil('a round is begun', () => ending.rounds() > 0);
  ending.reconciler.onModuleDestroy();
  await new Promise((done) => setTimeout(done, 200));
  const rounds = ending.rounds();
  await new Promise((done) => setTimeout(done, 200));
  expect([api.rounds(), ending.rounds()]).toEqual([0, rounds]);
});
