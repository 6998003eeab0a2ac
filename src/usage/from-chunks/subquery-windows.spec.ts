import fc from 'fast-check';
import type { Grid } from '../../remote-read/series-windows.js';
import { evaluationGrid, SubqueryWindows } from './subquery-windows.js';

const instantsOf = ({ endMs, stepMs, rows }: Grid) => Array.from({ length: rows }, (_, row) => endMs - (rows - 1 - row) * stepMs);

describe('evaluationGrid', () => {
  it('has every multiple of the step from the first window to the end', () => {
    const intervals = { endMs: 1_817_000, stepMs: 900_000, rows: 2, boundary: 'closed' } as const;
    const instants = instantsOf(evaluationGrid(intervals, 900_000, 60_000));
    expect([instants[0], instants.at(-1)]).toEqual([60_000, 1_800_000]);
  });
});

describe('SubqueryWindows', () => {
  it.each([
    ['closed', [0 + 1 + 2, 3 + 4 + 5]],
    ['left-open', [1 + 2, 4 + 5]],
  ] as const)('uses the instants of each window, boundary %s', (boundary, expected) => {
    const intervals = { endMs: 300_000, stepMs: 180_000, rows: 2, boundary };
    const evaluated = { endMs: 300_000, stepMs: 60_000, rows: 6, boundary };
    const sums = new SubqueryWindows(evaluated, intervals, 120_000).take('sum_over_time', Float64Array.of(0, 1, 2, 3, 4, 5));
    expect([...sums]).toEqual(expected);
  });

  it('gives the same values as a simple implementation, for any grid and gaps', () => {
    const value = fc.oneof(
      fc.constant(Number.NaN),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((number) => number + 0),
    );
    const cases = fc.record({
      values: fc.array(value, { minLength: 80, maxLength: 80 }),
      offset: fc.integer({ min: 0, max: 59 }),
      range: fc.integer({ min: 1, max: 40 }),
      boundary: fc.constantFrom('closed' as const, 'left-open' as const),
    });
    fc.assert(
      fc.property(cases, ({ values, offset, range, boundary }) => {
        const intervals = { endMs: (3_600 + offset) * 1_000, stepMs: 300_000, rows: 7, boundary };
        const evaluated = { ...evaluationGrid(intervals, range * 60_000, 60_000) };
        const inner = Float64Array.from({ length: evaluated.rows }, (_, i) => values[i % values.length]!);
        const windows = new SubqueryWindows(evaluated, intervals, range * 60_000);
        const inside = (at: number) => {
          const startMs = at - range * 60_000;
          const isIn = (ms: number) => ms <= at && (boundary === 'closed' ? ms >= startMs : ms > startMs);
          return instantsOf(evaluated).flatMap((ms, i) => (isIn(ms) && !Number.isNaN(inner[i]) ? [inner[i]!] : []));
        };
        const plain = {
          min_over_time: (all: number[]) => (all.length ? Math.min(...all) : Number.NaN),
          max_over_time: (all: number[]) => (all.length ? Math.max(...all) : Number.NaN),
          count_over_time: (all: number[]) => all.length || Number.NaN,
          last_over_time: (all: number[]) => all.at(-1) ?? Number.NaN,
          sum_over_time: (all: number[]) => (all.length ? all.reduce((a, b) => a + b) : Number.NaN),
          avg_over_time: (all: number[]) => (all.length ? all.reduce((a, b) => a + b) / all.length : Number.NaN),
        } as const;
        for (const [name, expected] of Object.entries(plain) as [keyof typeof plain, (all: number[]) => number][]) {
          expect([...windows.take(name, inner)]).toEqual(instantsOf(intervals).map((at) => expected(inside(at))));
        }
      }),
      { numRuns: 60 },
    );
  });
});
