import fc from 'fast-check';
import { planSlices } from './plan-slices.js';

describe('planSlices', () => {
  it.each([
    [1441, 100, 1],
    [1441, 13_880, 2],
    [10_801, 1, 1],
    [11_001, 1, 2],
    [97, 1e9, 97],
    [1, 1e9, 1],
    [5, 0, 1],
  ])('cuts %d rows at %d samples an instant into %d', (rows, samples, count) => expect(planSlices(rows, samples)).toHaveLength(count));

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
