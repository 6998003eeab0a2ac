import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { readUsageFile } from '../usage-file/read-usage-file.js';
import { recommend } from './recommend.js';

const folder = new URL('../../test/fixtures/recommendations/in/', import.meta.url);
const json = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as object;

/** The cost model's recommendation for a fixture. For w2_multicore (end 1718000037): 1.2 cores and 420,000,000 bytes; requests 1 and 4e8, limits 2 and 5e8. */
function costOf(recommendation_settings: object, evidence: object = {}, name = 'w2_multicore') {
  const file = readUsageFile({ ...json(name), recommendation_settings, evidence });
  const [instant] = Object.values(recommend(file.usage, file.settings, file.evidence).data);
  return instant!.recommendation_terms.short_term!.recommendation_engines!.cost!;
}
const end = 1718000037;
const plain = costOf({});
const codesOf = ({ notifications }: { notifications: object }) => Object.keys(notifications);

describe('extras that are off', () => {
  const evidence = { oom_kills: [{ at_seconds: end, limit_bytes: 1e9 }], hpa_resources: ['cpu', 'memory'] };

  it.each(['w2_multicore', 's1_small', 'e6_thr10', 'L_h', 's5_gpu', 's9_idle_nomem'])(
    'change nothing in %s, whatever the evidence',
    (name) => {
      const none = readUsageFile(json(name));
      const off = { oom: false, hpa: 'ignore', bounds: {}, confidence: false };
      const file = readUsageFile({ ...json(name), recommendation_settings: off, evidence });

      expect(recommend(file.usage, file.settings, file.evidence)).toEqual(recommend(none.usage, none.settings));
      expect(recommend(none.usage, none.settings, file.evidence)).toEqual(recommend(none.usage, none.settings));
    },
  );
});

describe('oom', () => {
  const after = (days: number, limit_bytes = 5e8) =>
    costOf({ oom: true }, { oom_kills: [{ at_seconds: end - days * 86_400, limit_bytes }] });

  it('raises memory to 1.2 times the limit at the time of the kill', () => {
    const { config, variation } = after(0);

    expect(config.requests?.memory?.amount).toBe(6e8);
    expect(config.limits?.memory?.amount).toBe(6e8);
    expect(variation.limits?.memory?.amount).toBe(1e8);
    expect(codesOf(after(0))).toEqual(['594001']);
  });

  it('raises memory less for older kills, and not at all for kills before the term', () => {
    const halfADay = after(0.5).config.requests!.memory!.amount;

    expect(halfADay).toBe(Math.ceil(4.2e8 + 1.8e8 * 0.5 ** (0.5 / 3)));
    expect(after(2)).toEqual(plain);
  });

  it('changes neither sufficient memory, nor CPU, nor a missing recommendation', () => {
    expect(after(0, 3e8)).toEqual(plain);
    expect(after(0).config.requests?.cpu).toEqual(plain.config.requests?.cpu);
    const noMemory = costOf({ oom: true }, { oom_kills: [{ at_seconds: end, limit_bytes: 5e8 }] }, 's9_idle_nomem');
    expect(noMemory.config).toEqual({});
  });

  it('never exceeds 1.2 times the largest limit, however many kills there were', () => {
    const kill = fc.record({ at_seconds: fc.integer({ min: end - 86_400, max: end }), limit_bytes: fc.integer({ min: 1, max: 1e12 }) });
    fc.assert(
      fc.property(fc.array(kill, { minLength: 1 }), (oom_kills) => {
        const amount = costOf({ oom: true }, { oom_kills }).config.requests!.memory!.amount;
        const max = Math.max(4.2e8, 1.2 * Math.max(...oom_kills.map(({ limit_bytes }) => limit_bytes)));

        expect(amount).toBeGreaterThanOrEqual(4.2e8);
        expect(amount).toBeLessThanOrEqual(max + 1);
      }),
      { numRuns: 30 },
    );
  });
});

describe('bounds', () => {
  it.each([
    [{ cpu: { min: 1.5 } }, 'cpu', 1.5, '393001'],
    [{ cpu: { max: 0.75 } }, 'cpu', 0.75, '393002'],
    // The model's own amount is slightly above 1.2: it counts as on the step and is not lowered.
    [{ cpu: { step: 0.1 } }, 'cpu', 1.2000000000000002, undefined],
    [{ cpu: { step: 0.25 } }, 'cpu', 1.25, '393003'],
    [{ memory: { min: 1e9 } }, 'memory', 1e9, '394001'],
    [{ memory: { max: 1e8 } }, 'memory', 1e8, '394002'],
    [{ memory: { step: 1048576 } }, 'memory', 401 * 1048576, '394003'],
  ])('apply %j', (bounds, resource, amount, code) => {
    const cost = costOf({ bounds });

    expect(cost.config.requests?.[resource]?.amount).toBe(amount);
    expect(cost.config.limits?.[resource]?.amount).toBe(amount);
    if (code) expect(codesOf(cost)).toEqual([code]);
  });

  it('round up to a multiple of any step, never down', () => {
    const step = fc.double({ min: 1e-6, max: 1e13, noNaN: true });
    fc.assert(
      fc.property(step, step, (cpu, memory) => {
        const { requests } = costOf({ bounds: { cpu: { step: cpu }, memory: { step: memory } } }).config;
        for (const [amount, before, by] of [
          [requests!.cpu!.amount, 1.2, cpu],
          [requests!.memory!.amount, 4.2e8, memory],
        ] as const) {
          // These are configured amounts, kept because the change is within the threshold.
          if ([1, 2, 4e8, 5e8].includes(amount)) continue;
          expect(amount).toBeGreaterThanOrEqual(before);
          expect(amount).toBeLessThanOrEqual((before + by) * (1 + 1e-9));
          expect(Math.abs(amount / by - Math.round(amount / by))).toBeLessThan(1e-12 * Math.max(1, amount / by) + 1e-9);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('limit amounts after rounding and after kills', () => {
    const cost = costOf({ oom: true, bounds: { memory: { step: 3e8, max: 5e8 } } }, { oom_kills: [{ at_seconds: end, limit_bytes: 9e8 }] });

    expect(cost.config.requests?.memory?.amount).toBe(5e8);
    expect(codesOf(cost)).toEqual(['324004', '394002', '394003', '594001']);
  });

  it('do not apply to a namespace, whose amounts are sums', () => {
    expect(costOf({ bounds: { cpu: { max: 0.01 }, memory: { max: 1 } } }, {}, 's6_namespace')).toEqual(costOf({}, {}, 's6_namespace'));
  });
});

describe('hpa', () => {
  it('keeps the request, and keeps the limit at or above it', () => {
    const { config, variation, notifications } = costOf({ hpa: 'keep' }, { hpa_resources: ['cpu'] });

    expect(config.requests?.cpu).toEqual({ amount: 1, format: 'cores' });
    expect(config.limits?.cpu).toEqual(plain.config.limits?.cpu);
    expect(variation.requests?.cpu?.amount).toBe(0);
    expect(config.requests?.memory).toEqual(plain.config.requests?.memory);
    expect(Object.keys(notifications)).toEqual(['393004']);
  });

  it('withholds the resource and adds a notification', () => {
    const { config, variation, notifications } = costOf({ hpa: 'withhold' }, { hpa_resources: ['cpu', 'memory'] });

    expect({ config, variation }).toEqual({ config: {}, variation: {} });
    expect(Object.keys(notifications)).toEqual(['493001', '494001']);
  });

  it.each(['keep', 'withhold', 'ignore'])('changes nothing with %s without an autoscaler', (hpa) => {
    expect(costOf({ hpa }, { hpa_resources: [] })).toEqual(plain);
  });
});

describe('change_threshold_percent', () => {
  it('keeps amounts that differ by no more, request and limit independently', () => {
    const { config, variation, notifications } = costOf({ change_threshold_percent: 10 });

    expect(config.requests?.memory?.amount).toBe(4e8);
    expect(variation.requests?.memory?.amount).toBe(0);
    expect(config.limits?.memory?.amount).toBe(4.2e8);
    expect(config.requests?.cpu?.amount).toBe(1.2000000000000002);
    expect(Object.keys(notifications)).toEqual(['394005']);
  });
});

describe('confidence', () => {
  it('is the observed part of the term', () => {
    const cost = costOf({ confidence: true });

    expect(cost.confidence_level).toBe(Math.round((5 / 96) * 1e4) / 1e4);
    expect(codesOf(cost)).toEqual(['199001']);
    expect(costOf({ confidence: true }, {}, 's2_full').confidence_level).toBe(1);
  });
});
