import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EndedJobs } from '../src/bulk/ending-steps.js';
import { type Lease, LeaseUnsure } from '../src/bulk/lease-rows.js';
import { RunningLeases, type StepMoment } from '../src/bulk/running-leases.js';
import { StepRunner } from '../src/bulk/step-runner.js';
import { maxAttempts, type StepWork } from '../src/bulk/step-work.js';
import { type Step, stepNames, type WakeUpsByStep } from '../src/bulk/steps.js';
import { DatasourceError } from '../src/datasource/datasource-error.js';
import { PublicationError } from '../src/publication/publication-error.js';
import { type JobFlow, outcomesOf, useJobFlow } from './job-flow.js';
import { waitUntil } from './servers/wait-until.js';

type Run = (lease: Lease, signal: AbortSignal) => Promise<WakeUpsByStep>;

/** A worker process: a separate runner over the shared rows, with the step of a test. */
interface Worker {
  readonly runner: StepRunner;
  readonly running: RunningLeases;
  readonly runs: Lease[];
  readonly givenUp: string[];
  readonly woken: WakeUpsByStep[];
  /** Number of running steps at each wake-up. */
  readonly runningAtWake: number[];
}

let flow: JobFlow;
let isKafkaUp = true;
let answeredAtMs: Record<string, number> = {};
let workers: Worker[] = [];

useJobFlow((opened) => {
  flow = opened;
});

beforeEach(async () => {
  isKafkaUp = true;
  answeredAtMs = {};
  workers = [];
});

afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(workers.map(({ runner }) => runner.stop(0)));
});

function startWorker(step: Step, run: Run, { failGivingUp }: { failGivingUp?: () => unknown } = {}): Worker {
  const [runs, givenUp, woken] = [[] as Lease[], [] as string[], [] as WakeUpsByStep[]];
  const runningAtWake: number[] = [];
  const wakeUps = {
    wakeAll: async (waking: WakeUpsByStep) => {
      await new Promise(setImmediate);
      runningAtWake.push(running.count);
      woken.push(waking);
    },
  };
  const work: StepWork = {
    run: (lease, signal) => {
      runs.push(lease);
      return run(lease, signal);
    },
    giveUp: async (lease, reason) => {
      givenUp.push(reason.message);
      if (failGivingUp) throw failGivingUp();
      if (step === 'measure') await flow.shards.commit(lease, await outcomesOf(flow.shards, lease, 'FAILED'), new Date(), reason.message);
      return {};
    },
  };
  const running = new RunningLeases(flow.leases, { lastAnswerAt: (name: string) => answeredAtMs[name] } as never);
  const publisher = {
    get isUp() {
      return isKafkaUp;
    },
  };
  const ended = new EndedJobs(flow.jobs, flow.shards, wakeUps as never);
  const works = stepNames.map((name) => (name === step ? work : undefined)) as never[];
  const runner = new StepRunner(
    flow.leases,
    running,
    wakeUps as never,
    ended,
    publisher as never,
    ...(works as [never, never, never, never, never]),
    { WORKER_CONCURRENCY: 2 },
  );
  workers.push({ runner, running, runs, givenUp, woken, runningAtWake });
  return workers.at(-1)!;
}

const commit: Run = async (lease) => {
  await flow.shards.commit(lease, await outcomesOf(flow.shards, lease), new Date());
  return {};
};
const failWith =
  (make: () => unknown): Run =>
  async () => {
    throw make();
  };
/** A step that runs until it is stopped. */
const hang: Run = (_lease, signal) =>
  new Promise((_, failed) => signal.addEventListener('abort', () => failed(new Error('a consequence'))));
const attempt = () =>
  flow.row('SELECT count, held_until, not_before > now() AS pauses, last_error FROM attempt WHERE step = $1', ['measure']);
const endPause = () => flow.database.query('UPDATE attempt SET not_before = now()');
const statusOf = async (id: string) => (await flow.jobs.find(id))?.status;

describe('a worker slot', () => {
  it('processes rows until none is pending', async () => {
    const id = await flow.plan([1, 1, 1]);
    const { runner, runs } = startWorker('measure', commit);
    await runner.fillSlot('measure');
    expect(runs.map(({ shard }) => shard)).toEqual([0, 1, 2]);
    expect(await statusOf(id)).toBe('COMPLETED');
  });

  it('leaves its step idle only if no other slot of it is busy', async () => {
    await flow.plan([1]);
    answeredAtMs = { 'prometheus-1': performance.now() + 3_600_000 };
    const { runner, running } = startWorker('measure', hang);
    expect(runner.isIdle('measure')).toBe(true);
    const places = [runner.fillSlot('measure')];
    await waitUntil('a place is filled', () => running.count === 1);
    await runner.fillSlot('measure');
    expect([runner.isIdle('measure'), runner.isIdle('discover')]).toEqual([false, true]);
    await runner.stop(0);
    await Promise.all(places);
    expect(runner.isIdle('measure')).toBe(true);
  });

  it('leaves its step idle if no row can be leased', async () => {
    const { runner } = startWorker('measure', commit);
    jest.spyOn(flow.leases, 'next').mockRejectedValue(new Error('no row'));
    await expect(runner.fillSlot('measure')).rejects.toThrow('no row');
    expect(runner.isIdle('measure')).toBe(true);
  });

  it('serves jobs alternately', async () => {
    const start = (second: number) => ({ startedAt: new Date(Date.UTC(2026, 10, 21, 0, 0, second)) });
    const large = await flow.plan(Array(6).fill(1), start(1));
    const small = await flow.plan([1, 1], start(2));
    const { runner, runs } = startWorker('measure', commit);
    await runner.fillSlot('measure');
    expect(runs.map(({ jobId }) => jobId)).toEqual([large, small, large, small, large, large, large, large]);
  });

  it('alternates between more than two jobs', async () => {
    const plan = (second: number) => flow.plan([1, 1], { startedAt: new Date(Date.UTC(2026, 10, 21, 0, 0, second)) });
    const jobs = [await plan(1), await plan(2), await plan(3)];
    const { runner, runs } = startWorker('measure', commit);
    await runner.fillSlot('measure');
    expect(runs.map(({ jobId }) => jobId)).toEqual([...jobs, ...jobs]);
  });

  it('is given to another datasource if its own is silent; the silent step continues', async () => {
    const silent = await flow.plan([1, 1], { datasources: ['silent'], startedAt: new Date(0) });
    const heard = await flow.plan([1, 1], { datasources: ['heard'] });
    const { runner, running, runs } = startWorker('measure', (lease, signal) => (lease.jobId === silent ? hang : commit)(lease, signal));
    await runner.fillSlot('measure');
    expect(await statusOf(heard)).toBe('COMPLETED');
    expect(runs.filter(({ jobId }) => jobId === silent)).toHaveLength(2);
    expect(running.silentDatasources('measure', 2)).toEqual(['silent']);
    expect(running.silentDatasources('discover', 1)).toEqual([]);
    answeredAtMs = { silent: performance.now() };
    expect(running.silentDatasources('measure', 1)).toEqual([]);
    expect(running.count).toBe(2);
  });

  it('queries a datasource for other jobs even if it hangs on one query', async () => {
    const hanging = await flow.plan([1], { startedAt: new Date(0) });
    const other = await flow.plan([1]);
    const { runner } = startWorker('measure', (lease, signal) => (lease.jobId === hanging ? hang : commit)(lease, signal));
    await runner.fillSlot('measure');
    expect([await statusOf(hanging), await statusOf(other)]).toEqual(['IN_PROGRESS', 'COMPLETED']);
  });

  it('takes no row while rows that lost their slots run again: there are never more running rows than slots', async () => {
    await flow.plan([1, 1, 1, 1], { datasources: ['slow'] });
    let goOn: () => void = () => undefined;
    const answered = new Promise<void>((done) => (goOn = done));
    const { runner, running, runs } = startWorker('measure', async (lease, signal) => {
      await answered;
      return commit(lease, signal);
    });
    await Promise.all([runner.fillSlot('measure'), runner.fillSlot('measure')]);
    expect([runs.length, running.activeCount('measure')]).toEqual([2, 0]);
    answeredAtMs = { slow: performance.now() + 3_600_000 };
    expect(running.activeCount('measure')).toBe(2);
    const filled = runner.fillSlot('measure');
    await new Promise((done) => setTimeout(done, 300));
    expect(runs).toHaveLength(2);
    goOn();
    await filled;
    expect(runs).toHaveLength(4);
  });

  it('returns a lease whose commit may have succeeded', async () => {
    await flow.plan([1]);
    const lease = await flow.lease('measure');
    const { held_until } = (await flow.row(`SELECT held_until::text FROM attempt WHERE step = 'measure'`)) as { held_until: string };
    const { runner } = startWorker('measure', commit);
    jest
      .spyOn(flow.leases, 'next')
      .mockRejectedValueOnce(new LeaseUnsure(lease, held_until, new Error('Connection terminated unexpectedly')));
    await expect(runner.fillSlot('measure')).rejects.toThrow(LeaseUnsure);
    await waitUntil('the row is free', async () => (await attempt()).held_until === null);
    expect(await attempt()).toMatchObject({ count: 0, pauses: false });
  });

  it('is filled again after a row that had lost it ends, because earlier wake-ups had no effect', async () => {
    const silent = await flow.plan([1, 1], { datasources: ['silent'] });
    let goOn: () => void = () => undefined;
    const answered = new Promise<void>((done) => (goOn = done));
    const { runner, woken } = startWorker('measure', async (lease, signal) => {
      await answered;
      return commit(lease, signal);
    });
    await runner.fillSlot('measure');
    goOn();
    await waitUntil('the step is woken', () => woken.some(({ measure }) => measure?.[0]?.jobId === silent));
    expect(woken).toContainEqual({ measure: [{ jobId: silent, shard: 0 }] });
  });

  it('leases nothing while Kafka is unavailable', async () => {
    await flow.plan([1]);
    await flow.measure();
    const { runner, runs } = startWorker('publish', async (lease) => {
      await flow.shards.markPublished(lease, new Map(), new Date());
      return {};
    });
    isKafkaUp = false;
    await runner.fillSlot('publish');
    expect(runs).toEqual([]);
    expect(await flow.row(`SELECT count(*)::int FROM attempt WHERE step = 'publish'`)).toEqual({ count: 0 });
    isKafkaUp = true;
    await runner.fillSlot('publish');
    expect(runs).toHaveLength(1);
  });

  it('takes no row after the stop', async () => {
    await flow.plan([1]);
    const { runner, runs } = startWorker('measure', commit);
    await runner.stop(0);
    await runner.fillSlot('measure');
    expect(runs).toEqual([]);
  });

  it('returns a row that was being leased when the stop began, and the stop waits for it', async () => {
    await flow.plan([1]);
    const { runner, runs } = startWorker('measure', commit);
    const filled = runner.fillSlot('measure');
    await runner.stop(60_000);
    expect(await attempt()).toMatchObject({ count: 0, held_until: null, pauses: false });
    await filled;
    expect(runs).toEqual([]);
  });

  it('wakes the next steps after the commit, and reports its position', async () => {
    const id = await flow.plan([1]);
    const points: string[] = [];
    const note = (moment: unknown) => void points.push((moment as StepMoment).point);
    subscribe('rightsizer:step', note);
    const { runner, woken, runningAtWake } = startWorker('measure', async (lease, signal) => {
      await commit(lease, signal);
      return { publish: [{ jobId: id, shard: 0 }] };
    });
    const pointsAtWake = waitUntil('the wake-up is taken', () => woken.length === 1).then(() => [...points]);
    await runner.fillSlot('measure');
    unsubscribe('rightsizer:step', note);
    expect(woken).toEqual([{ publish: [{ jobId: id, shard: 0 }] }]);
    expect([runningAtWake, (await pointsAtWake).slice(0, 2), points]).toEqual([
      [1],
      ['leased', 'committed'],
      ['leased', 'committed', 'ended'],
    ]);
  });
});

describe('a failure', () => {
  const cases = [
    ['an unreachable datasource', () => new DatasourceError('unreachable', 'nobody there'), '503'],
    ['a datasource that refuses', () => new DatasourceError('refused-credentials', 'who are you'), '401'],
  ] as const;
  it.each(cases)('of %s ends the job', async (_, make, code) => {
    const id = await flow.plan([1, 1]);
    const { runner, runs } = startWorker('measure', failWith(make));
    await runner.fillSlot('measure');
    expect(runs).toHaveLength(1);
    expect(await flow.jobs.find(id)).toMatchObject({ status: 'FAILED', notifications: { [code]: { type: 'ERROR' } } });
  });

  it.each([
    ['Kafka', () => new PublicationError('unreachable')],
    ['PostgreSQL', () => Object.assign(new Error('terminating connection'), { code: '57P01' })],
  ])('of %s pauses the row and does not count', async (_, make) => {
    const id = await flow.plan([1]);
    const { runner, givenUp } = startWorker('measure', failWith(make));
    for (let round = 0; round < maxAttempts + 2; round++) {
      await runner.fillSlot('measure');
      expect(await attempt()).toMatchObject({ count: 0, held_until: null, pauses: true });
      await endPause();
    }
    expect(givenUp).toEqual([]);
    expect(await statusOf(id)).toBe('IN_PROGRESS');
  });

  it('by a bug counts and pauses longer each time; the step is given up after five', async () => {
    const id = await flow.plan([2]);
    const { runner, runs, givenUp } = startWorker(
      'measure',
      failWith(() => new TypeError('a bug')),
    );
    for (let round = 1; round < maxAttempts; round++) {
      await runner.fillSlot('measure');
      expect(await attempt()).toMatchObject({ count: round, held_until: null, pauses: true, last_error: 'a bug' });
      await endPause();
    }
    await runner.fillSlot('measure');
    expect([runs.length, givenUp]).toEqual([maxAttempts, ['a bug']]);
    expect(await attempt()).toMatchObject({ count: 5, last_error: 'a bug' });
    expect(await flow.jobs.progressOf(id)).toMatchObject({ processed: 2, failed: 2 });
    expect(await statusOf(id)).toBe('COMPLETED');
  });

  it.each([
    ['a bug', () => new TypeError('a bug'), maxAttempts],
    ['a lost connection', () => Object.assign(new Error('terminating connection'), { code: '57P01' }), maxAttempts - 1],
  ])('of giving up by %s frees the row; only a bug counts', async (_, make, count) => {
    const id = await flow.plan([1]);
    const worker = startWorker(
      'measure',
      failWith(() => new TypeError('a bug')),
      { failGivingUp: make },
    );
    for (let round = 1; round <= maxAttempts; round++) {
      await endPause();
      await worker.runner.fillSlot('measure');
    }
    expect(worker.givenUp).toEqual(['a bug']);
    expect(await attempt()).toMatchObject({ count, held_until: null, pauses: true });
    const { isLong } = await flow.row(`SELECT not_before - now() > interval '20 seconds' AS "isLong" FROM attempt WHERE step = 'measure'`);
    expect(isLong).toBe(count === maxAttempts);
    expect(await statusOf(id)).toBe('IN_PROGRESS');
  });

  it.each([
    ['a bug', () => new TypeError('a bug'), 'longer than 10 s'],
    ['a lost connection', () => Object.assign(new Error('terminating connection'), { code: '57P01' }), 'at most 1 s'],
  ])('by %s pauses the row; only pauses after crashes are randomized', async (_, make, pause) => {
    await flow.plan([1]);
    await flow.leases.release(await flow.lease('measure'), { counts: true, pauseMs: 0 });
    await flow.database.query('UPDATE attempt SET count = 3');
    jest.spyOn(Math, 'random').mockReturnValue(0.999);
    await startWorker('measure', failWith(make)).runner.fillSlot('measure');
    const { seconds } = (await flow.row(
      `SELECT extract(epoch FROM not_before - now())::float AS seconds FROM attempt WHERE step = 'measure'`,
    )) as { seconds: number };
    expect(seconds > 10 ? 'longer than 10 s' : seconds <= 1 ? 'at most 1 s' : seconds).toBe(pause);
  });

  it('that kills the process counts; after five, the step is given up without running', async () => {
    await flow.plan([1]);
    for (let death = 0; death < maxAttempts; death++) {
      await flow.lease('measure');
      await flow.expireLeases();
    }
    const { runner, runs, givenUp } = startWorker('measure', commit);
    await runner.fillSlot('measure');
    expect(runs).toEqual([]);
    expect(givenUp).toEqual([expect.stringContaining('the process ended')]);
    expect(await attempt()).toMatchObject({ last_error: expect.stringContaining('5 attempts') });
  });

  it('after the loss of the lease writes nothing; the successor commits', async () => {
    const id = await flow.plan([1]);
    let fail: (reason: unknown) => void = () => undefined;
    const first = startWorker('measure', () => new Promise((_, failed) => (fail = failed)));
    const filled = first.runner.fillSlot('measure');
    await waitUntil('the first worker has the shard', () => first.runs.length === 1);
    await flow.expireLeases();
    await startWorker('measure', commit).runner.fillSlot('measure');
    fail(new DatasourceError('unreachable', 'nobody there'));
    await filled;
    expect(await flow.jobs.find(id)).toMatchObject({ status: 'COMPLETED', notifications: {} });
  });

  it('after the loss of the lease does not fail the job, on which the successor still works', async () => {
    const id = await flow.plan([1]);
    let fail: (reason: unknown) => void = () => undefined;
    const first = startWorker('measure', () => new Promise((_, failed) => (fail = failed)));
    const filled = first.runner.fillSlot('measure');
    await waitUntil('the first worker has the shard', () => first.runs.length === 1);
    await flow.expireLeases();
    const successor = await flow.lease('measure');
    fail(new DatasourceError('unreachable', 'nobody there'));
    await filled;
    expect(await statusOf(id)).toBe('IN_PROGRESS');
    expect(await flow.leases.renew([successor])).toEqual(['held']);
  });
});

describe('a stop', () => {
  it('reaches the step if another process cancels its job', async () => {
    const id = await flow.plan([1, 1]);
    const { runner, running, runs } = startWorker('measure', hang);
    const filled = runner.fillSlot('measure');
    await waitUntil('the step runs', () => runs.length === 1);
    await flow.jobs.fail(id, { '499': { type: 'ERROR', message: 'cancelled', code: 499 } }, new Date());
    await filled;
    expect([runs.length, running.count]).toEqual([1, 0]);
    expect(await flow.jobs.find(id)).toMatchObject({ status: 'FAILED', notifications: { '499': { message: 'cancelled' } } });
  });

  it('reaches a step that has held its lease for long', async () => {
    const id = await flow.plan([1]);
    const { runner, runs } = startWorker('measure', hang);
    const filled = runner.fillSlot('measure');
    await waitUntil('the step runs', () => runs.length === 1);
    for (let renewal = 0; renewal < 4; renewal++) {
      await flow.database.query(`UPDATE attempt SET held_until = now() + interval '5 seconds' WHERE step = 'measure'`);
      const isRenewed = async () =>
        (await flow.row(`SELECT held_until > now() + interval '6 seconds' AS is FROM attempt WHERE step = 'measure'`)).is;
      await waitUntil('the lease is renewed', async () => (await isRenewed()) === true);
    }
    await flow.jobs.fail(id, { '499': { type: 'ERROR', message: 'cancelled', code: 499 } }, new Date());
    await filled;
  });

  it('reaches the step if its lease is lost', async () => {
    await flow.plan([1]);
    const { runner, runs } = startWorker('measure', hang);
    const filled = runner.fillSlot('measure');
    await waitUntil('the step runs', () => runs.length === 1);
    await flow.database.query('UPDATE attempt SET fence = fence + 1');
    await filled;
    expect(await flow.row(`SELECT count, last_error FROM attempt WHERE step = 'measure'`)).toEqual({ count: 0, last_error: null });
  });

  it.each<[string, Run]>([
    ['that hears of it', hang],
    ['that does not, as one that waits for Kafka', () => new Promise(() => undefined)],
  ])('at shutdown frees the row at once and does not count, for a step %s', async (_, run) => {
    const id = await flow.plan([1]);
    const { runner, runs } = startWorker('measure', run);
    const filled = runner.fillSlot('measure');
    await waitUntil('the step runs', () => runs.length === 1);
    // Another transaction holds the row meanwhile: the process ends after the row is written.
    const looking = flow.database.transaction((transaction) =>
      transaction.query('SELECT pg_sleep(0.5) FROM (SELECT FROM attempt FOR UPDATE) AS row'),
    );
    await new Promise((done) => setTimeout(done, 100));
    await runner.stop(0);
    await filled;
    expect(await attempt()).toMatchObject({ count: 0, held_until: null, pauses: false, last_error: null });
    await looking;
    await startWorker('measure', commit).runner.fillSlot('measure');
    expect(await statusOf(id)).toBe('COMPLETED');
  });

  it('ends after the row of a stopped step is free', async () => {
    await flow.plan([1]);
    const { runner, runs } = startWorker('measure', hang);
    const filled = runner.fillSlot('measure');
    await waitUntil('the step runs', () => runs.length === 1);
    const order: string[] = [];
    let stopping: Promise<unknown> | undefined;
    await flow.database.transaction(async (transaction) => {
      await transaction.query(`SELECT FROM attempt WHERE step = 'measure' FOR UPDATE`);
      stopping = runner.stop(0).then(() => order.push('stopped'));
      await waitUntil('the release waits for the lock', async () => {
        const { count } = await flow.row('SELECT count(*)::int FROM pg_locks WHERE NOT granted');
        return (count as number) > 0;
      });
      await new Promise((done) => setTimeout(done, 200));
      order.push('unlocked');
    });
    await Promise.all([stopping, filled]);
    expect(order).toEqual(['unlocked', 'stopped']);
    expect(await attempt()).toMatchObject({ count: 0, held_until: null });
  });

  it('lets a step finish within the grace time', async () => {
    const id = await flow.plan([1]);
    let goOn: () => void = () => undefined;
    const paused = new Promise<void>((resolve) => (goOn = resolve));
    const { runner, runs } = startWorker('measure', async (lease, signal) => {
      await paused;
      return commit(lease, signal);
    });
    const filled = runner.fillSlot('measure');
    await waitUntil('the step runs', () => runs.length === 1);
    const stopped = runner.stop(3_600_000);
    goOn();
    await Promise.all([stopped, filled]);
    expect(await statusOf(id)).toBe('COMPLETED');
  });

  it('does not stop publication at the end of its job', async () => {
    const id = await flow.plan([1, 1]);
    await flow.measure();
    let isStopped = false;
    let goOn: () => void = () => undefined;
    const { runner, runs, running } = startWorker('publish', async (lease, signal) => {
      await new Promise<void>((resolve) => (goOn = resolve));
      isStopped = signal.aborted;
      await flow.shards.markPublished(lease, new Map(), new Date());
      return {};
    });
    const filled = runner.fillSlot('publish');
    await waitUntil('the step runs', () => runs.length === 1);
    await flow.jobs.fail(id, { '499': { type: 'ERROR', message: 'cancelled', code: 499 } }, new Date());
    await flow.database.query(`UPDATE attempt SET held_until = now() WHERE step = 'publish'`);
    await waitUntil(
      'the lease is renewed',
      async () => (await flow.row(`SELECT held_until > now() AS held FROM attempt WHERE step = 'publish'`)).held === true,
    );
    goOn();
    await waitUntil('the next shard is taken', () => runs.length === 2);
    goOn();
    await filled;
    expect([isStopped, running.count]).toEqual([false, 0]);
  });
});

describe('leases of running steps', () => {
  it('are renewed as long as the step runs', async () => {
    await flow.plan([1]);
    const { runner, runs } = startWorker('measure', hang);
    void runner.fillSlot('measure');
    await waitUntil('the step runs', () => runs.length === 1);
    await flow.database.query('UPDATE attempt SET held_until = now()');
    await waitUntil(
      'the lease is renewed',
      async () => (await flow.row(`SELECT held_until > now() AS held FROM attempt WHERE step = 'measure'`)).held === true,
    );
  });

  it('that cannot be released while the database is unavailable are released later', async () => {
    await flow.plan([1]);
    const lease = await flow.lease('measure');
    let tries = 0;
    const leases = Object.assign(Object.create(flow.leases), {
      release: (...given: Parameters<typeof flow.leases.release>) => {
        tries++;
        return tries < 4 ? Promise.reject(new Error('the database is away')) : flow.leases.release(...given);
      },
    });
    await new RunningLeases(leases, { lastAnswerAt: () => undefined } as never).release(lease, { counts: false, pauseMs: 0 });
    await waitUntil('the lease is released', async () => (await attempt()).held_until === null);
    expect(await attempt()).toMatchObject({ count: 0 });
  });
});
