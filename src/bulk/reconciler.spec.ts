import { waitUntil } from '../../test/servers/wait-until.js';
import { Reconciler } from './reconciler.js';

/** A reconciler over fake rows; `actions` lists what it did, in order. */
function reconcile({
  role = 'all',
  days = 0,
  failsFirst = false,
  failsEnding = false,
  isIdle = (): boolean => false,
  idleQueue = undefined as string | undefined,
} = {}) {
  const actions: string[] = [];
  const later = async <T>(ms: number, value: T): Promise<T> => {
    await new Promise((done) => setTimeout(done, ms));
    return value;
  };
  let rounds = 0;
  const jobs = {
    countUnpublished: async () => 0,
    idleQueues: async () => (idleQueue === undefined ? [] : [idleQueue]),
    pastDeadline: async () => {
      rounds++;
      if (failsFirst && rounds === 1) throw new Error('the database is away');
      return [{ jobId: 'late', deadline: '1h' }];
    },
    deleteEndedBefore: async (before: Date) => {
      actions.push(`deletes before ${Math.round((Date.now() - before.getTime()) / 86_400_000)} days`);
      return 1;
    },
  };
  const leases = { waiting: async (step: string) => (step === 'measure' ? [{ jobId: 'a', shard: 1 }] : []) };
  const wakeUps = { wake: async (step: string, ...rows: object[]) => actions.push(await later(1, `wakes ${step} ${rows.length}`)) };
  const runner = { isIdle, fillSlot: async (step: string) => actions.push(`fills a slot of ${step}`) };
  const ended = {
    startNext: async (queue: string) => actions.push(`starts the next job of ${queue}`),
    end: async (jobId: string, notifications: object) => {
      actions.push(await later(50, `ends ${jobId} ${Object.keys(notifications)}`));
      if (failsEnding) throw new Error('this row cannot be written');
    },
  };
  const experiments = {
    deleteUnseenSince: async (before: Date) => {
      actions.push(`forgets before ${Math.round((Date.now() - before.getTime()) / 86_400_000)} days`);
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
  return { actions, reconciler, rounds: () => rounds };
}

const round = ['ends late 504', 'wakes discover 0', 'wakes measure 1', 'wakes publish 0', 'wakes finish 0', 'wakes notify 0'];

it('ends jobs past their deadline and then wakes waiting steps, in every round', async () => {
  const { actions, reconciler } = reconcile();
  await waitUntil('two rounds are done', () => actions.length >= 2 * round.length);
  reconciler.onModuleDestroy();
  expect(actions.slice(0, 2 * round.length)).toEqual([...round, ...round]);
});

it('wakes waiting steps even if a job past its deadline cannot be ended', async () => {
  const { actions, reconciler } = reconcile({ failsEnding: true });
  await waitUntil('a round is done', () => actions.length >= round.length);
  reconciler.onModuleDestroy();
  expect(actions.slice(0, round.length)).toEqual(round);
});

it('starts the next job of a queue that nobody else started', async () => {
  const { actions, reconciler } = reconcile({ idleQueue: 'a queue' });
  await waitUntil('a round is done', () => actions.length > round.length);
  reconciler.onModuleDestroy();
  expect(actions.slice(0, 3)).toEqual(['ends late 504', 'starts the next job of a queue', 'wakes discover 0']);
});

it('deletes old jobs if a retention time is set', async () => {
  const { actions, reconciler } = reconcile({ days: 30 });
  await waitUntil('a round is done', () => actions.length > round.length + 1);
  reconciler.onModuleDestroy();
  expect(actions.slice(round.length, round.length + 2)).toEqual(['deletes before 30 days', 'forgets before 30 days']);
});

it('fills a slot itself if the queue woke no worker for a complete round', async () => {
  const { actions, reconciler } = reconcile({ isIdle: () => true });
  await waitUntil('four rounds are done', () => actions.length >= 4 * round.length + 2);
  reconciler.onModuleDestroy();
  const filling = round.flatMap((line) => (line === 'wakes measure 1' ? [line, 'fills a slot of measure'] : [line]));
  expect(actions.slice(0, 4 * round.length + 2)).toEqual([...round, ...filling, ...round, ...filling]);
});

it('leaves a step to the queue if its slots are filled now and then', async () => {
  let calls = 0;
  const { actions, reconciler } = reconcile({ isIdle: () => calls++ % 2 === 0 });
  await waitUntil('four rounds are done', () => actions.length >= 4 * round.length);
  reconciler.onModuleDestroy();
  expect(actions.slice(0, 4 * round.length)).toEqual([...round, ...round, ...round, ...round]);
});

it('continues after a failed round', async () => {
  const { actions, reconciler } = reconcile({ failsFirst: true });
  await waitUntil('a round is done', () => actions.length >= round.length);
  reconciler.onModuleDestroy();
  expect(actions.slice(0, round.length)).toEqual(round);
});

it('does nothing in a process that only serves REST, or after it is stopped', async () => {
  const api = reconcile({ role: 'api' });
  const ending = reconcile();
  await waitUntil('a round has started', () => ending.rounds() > 0);
  ending.reconciler.onModuleDestroy();
  await new Promise((done) => setTimeout(done, 200));
  const rounds = ending.rounds();
  await new Promise((done) => setTimeout(done, 200));
  expect([api.rounds(), ending.rounds()]).toEqual([0, rounds]);
});
