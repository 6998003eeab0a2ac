import fc from 'fast-check';
import type { PrometheusSeries } from '../../datasource/datasource-client.js';
import { planSlices, stitchSlices } from './planned-queries.js';

describe('planSlices', () => {
  it.each([
    [1441, 100, 1],
    [1441, 13_880, 2],
    [10_801, 1, 1],
    [11_001, 1, 2],
    [97, 1e9, 97],
    [1, 1e9, 1],
    [5, 0, 1],
  ])('splits %d rows with %d samples per instant into %d slices', (rows, samples, count) =>
    expect(planSlices(rows, samples)).toHaveLength(count),
  );

  it('covers every row once, in order, within the limits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30_000 }), fc.integer({ min: 0, max: 50_000_000 }), (rows, samples) => {
        const slices = planSlices(rows, samples);
        expect(slices[0]!.from).toBe(0);
        expect(slices.at(-1)!.to).toBe(rows);
        const isGood = slices.every(({ from, to }, index) => {
          const isNext = from === (slices[index - 1]?.to ?? 0) && to > from;
          return isNext && to - from <= 11_000 && (to - from === 1 || (to - from) * samples <= 20_000_000);
        });
        expect(isGood).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

const series = (labels: Record<string, string>, ...seconds: number[]): PrometheusSeries => ({
  labels,
  samples: seconds.map((at) => [at, String(at)] as const),
});

describe('stitchSlices', () => {
  it('returns a single slice unchanged', () => {
    const only = [series({ b: '1' }, 1), series({ a: '1' }, 2)];
    expect(stitchSlices([only])).toBe(only);
  });

  it('joins the samples of one label set, whatever the order of its labels', () => {
    expect(stitchSlices([[series({ a: '1', b: '2' }, 1, 2)], [series({ b: '2', a: '1' }, 3)]])).toEqual([
      series({ a: '1', b: '2' }, 1, 2, 3),
    ]);
  });

  it('orders series by their labels, even if the first one starts in a later slice', () => {
    const stitched = stitchSlices([[series({ pod: 'b' }, 1)], [series({ pod: 'a' }, 2), series({ pod: 'b' }, 2)]]);
    expect(stitched.map(({ labels }) => labels.pod)).toEqual(['a', 'b']);
  });
});
