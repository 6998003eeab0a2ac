import { jest } from '@jest/globals';
import { type Lease, LeaseLost, Stopped } from './lease-rows.js';
import { RunningLeases } from './running-leases.js';

const leaseOf = (shard: number, more: Partial<Lease> = {}): Lease => ({
  step: 'measure',
  jobId: 'j',
  shard,
  fence: 1,
  attempts: 1,
  datasources: [`datasource-${shard}`],
  ...more,
});

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Running leases over a fake store and fake threads. */
function keep({
  renew = async (leases: readonly Lease[]): Promise<string[]> => leases.map(() => 'held'),
  release = async (): Promise<void> => undefined,
  respondedAt = (_: string): number | undefined => undefined,
} = {}) {
  return new RunningLeases({ renew, release } as never, { lastAnswerAt: respondedAt } as never);
}

const stateOf = (signal: AbortSignal) => (signal.aborted ? signal.reason : 'runs');

describe('a running lease', () => {
  it.each<[Lease['step'], string, object | string]>([
    ['measure', 'held', 'runs'],
    ['measure', 'lost', LeaseLost],
    ['publish', 'lost', LeaseLost],
    ['discover', 'ended', Stopped],
    ['measure', 'ended', Stopped],
    ['publish', 'ended', 'runs'],
    ['finish', 'ended', 'runs'],
    ['notify', 'ended', 'runs'],
  ])('of the step %s, when %s, continues or is stopped', async (step, state, expected) => {
    const leases = keep({ renew: async (kept) => kept.map(() => state) });
    const running = leases.open(leaseOf(0, { step }));
    await jest.advanceTimersByTimeAsync(500);
    leases.close(running);
    expect(stateOf(running.signal)).toEqual(typeof expected === 'string' ? expected : expect.any(expected));
    await jest.advanceTimersByTimeAsync(1_000);
  });

  it('continues while the database is unavailable', async () => {
    const leases = keep({ renew: () => Promise.reject(new Error('away')) });
    const running = leases.open(leaseOf(0));
    await jest.advanceTimersByTimeAsync(5_000);
    leases.close(running);
    expect(stateOf(running.signal)).toBe('runs');
  });
});

describe('a datasource', () => {
  it('is silent after two seconds without a response, not earlier', async () => {
    const leases = keep();
    const running = leases.open(leaseOf(0));
    await jest.advanceTimersByTimeAsync(1_900);
    expect(leases.silentDatasources('measure', 1)).toEqual([]);
    await jest.advanceTimersByTimeAsync(200);
    expect(leases.silentDatasources('measure', 1)).toEqual(['datasource-0']);
    expect(leases.silentDatasources('discover', 1)).toEqual([]);
    await running.silent;
    leases.close(running);
  });

  it('is silent if at least the given number of leases wait for it', async () => {
    const leases = keep();
    const rows = [0, 1].map((shard) => leases.open(leaseOf(shard, { datasources: ['same'] })));
    await jest.advanceTimersByTimeAsync(2_100);
    expect(leases.silentDatasources('measure', 2)).toEqual(['same']);
    expect(leases.silentDatasources('measure', 3)).toEqual([]);
    expect(leases.activeCount('measure')).toBe(0);
    for (const running of rows) leases.close(running);
  });

  it('does not delay a stop while it is silent', async () => {
    const leases = keep({ respondedAt: (name) => (name === 'datasource-1' ? performance.now() : undefined) });
    const [silent, responding] = [leases.open(leaseOf(0)), leases.open(leaseOf(1))];
    await jest.advanceTimersByTimeAsync(2_100);
    leases.stopSilent();
    expect([stateOf(silent!.signal), stateOf(responding!.signal)]).toEqual([expect.any(Stopped), 'runs']);
    for (const running of [silent!, responding!]) leases.close(running);
  });

  it('of a webhook loses its slot after two seconds, for up to fifty webhooks', async () => {
    const leases = keep();
    const rows = Array.from({ length: 55 }, (_, shard) => leases.open(leaseOf(shard, { step: 'notify', datasources: [] })));
    await jest.advanceTimersByTimeAsync(1_900);
    expect(leases.activeCount('notify')).toBe(55);
    await jest.advanceTimersByTimeAsync(200);
    expect(leases.activeCount('notify')).toBe(5);
    await rows[0]!.silent;
    for (const running of rows) leases.close(running);
  });

  it('that keeps responding is not silent', async () => {
    const leases = keep({ respondedAt: () => performance.now() - 500 });
    const running = leases.open(leaseOf(0));
    await jest.advanceTimersByTimeAsync(10_000);
    expect(leases.silentDatasources('measure', 1)).toEqual([]);
    leases.close(running);
  });

  it('is found silent sooner if several datasources are silent', async () => {
    const leases = keep();
    const rows = [];
    const startMs = performance.now();
    for (let shard = 0; shard < 40; shard++) {
      const running = leases.open(leaseOf(shard));
      rows.push(running);
      for (let isSilent = false; !isSilent; ) {
        await jest.advanceTimersByTimeAsync(50);
        isSilent = leases.silentDatasources('measure', 1).includes(`datasource-${shard}`);
      }
    }
    // Two seconds for the first, and only a few for all of them.
    expect(performance.now() - startMs).toBeLessThan(12_000);
    for (const running of rows) leases.close(running);
    expect(leases.silentDatasources('measure', 1)).toEqual([]);
  });
});

describe('a release', () => {
  it('that takes long is written once and does not delay renewals', async () => {
    let [written, renewed] = [0, 0];
    const leases = keep({
      release: () => {
        written++;
        return new Promise((done) => setTimeout(done, 5_000));
      },
      renew: async (kept) => {
        renewed++;
        return kept.map(() => 'held');
      },
    });
    const running = leases.open(leaseOf(0));
    void leases.release(leaseOf(1), { counts: false, pauseMs: 0 });
    await jest.advanceTimersByTimeAsync(4_000);
    expect([written, renewed > 5]).toEqual([1, true]);
    leases.close(running);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(written).toBe(1);
  });

  it('is retried until the database accepts it', async () => {
    let written = 0;
    const leases = keep({ release: () => (++written < 4 ? Promise.reject(new Error('away')) : Promise.resolve()) });
    await leases.release(leaseOf(0), { counts: false, pauseMs: 0 });
    await jest.advanceTimersByTimeAsync(10_000);
    expect(written).toBe(4);
  });
});
