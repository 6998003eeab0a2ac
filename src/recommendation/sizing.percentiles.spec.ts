import fc from 'fast-check';
import { percentilesOf } from './sizing.js';

const multicore = Float64Array.of(0.7, 1.2000000000000002, 1.7, 1.9000000000000001, 1.2);

it.each([
  [60, 1.2000000000000002],
  [98, 1.9000000000000001],
  [100, 1.9000000000000001],
  [25, 1.2],
  [50, 1.2000000000000002],
  [75, 1.7],
  [0, 0.7],
])('takes the value at the nearest rank for percentile %d', (percentile, expected) => {
  expect(percentilesOf(multicore).at(percentile)).toBe(expected);
});

it('rounds half a rank up', () => {
  expect(percentilesOf(Float64Array.of(2, 1)).at(50)).toBe(2);
});

it('sorts by number, not by text, and does not change the list', () => {
  const values = Float64Array.of(10, 9, 100, 2);

  expect(percentilesOf(values).at(34)).toBe(9);
  expect([...values]).toEqual([10, 9, 100, 2]);
});

it('is 0 for an empty list', () => {
  expect(percentilesOf(new Float64Array(0)).at(60)).toBe(0);
});

it('gives the same values as sorting, in any order of calls', () => {
  const few = fc.constantFrom(0, 1, 2, 0.5, 1e9);
  const values = fc.array(fc.oneof(few, fc.double({ noNaN: true, noDefaultInfinity: true })), { minLength: 1, maxLength: 200 });
  const percentages = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(values, percentages, (list, percents) => {
      const sorted = Float64Array.from(list).sort();
      const percentiles = percentilesOf(Float64Array.from(list));
      for (const percent of percents) {
        expect(percentiles.at(percent) + 0).toBe(sorted[Math.round((percent / 100) * (list.length - 1))]! + 0);
      }
    }),
  );
});
