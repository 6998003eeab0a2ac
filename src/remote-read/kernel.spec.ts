import { planLanes } from './kernel.js';

const grid = { endMs: 10_000_000, stepMs: 900_000, rows: 4, boundary: 'closed' } as const;
const minutes = 60_000;

describe('planLanes', () => {
  it('computes functions of one kind and range in one lane', () => {
    const lanes = planLanes(
      [
        { function: 'max_over_time', rangeMs: 15 * minutes },
        { function: 'rate', rangeMs: 15 * minutes },
        { function: 'avg_over_time', rangeMs: 15 * minutes },
        { function: 'instant', rangeMs: 5 * minutes },
      ],
      grid,
    );
    expect(lanes.map(({ kind, columns }) => [kind, ...columns])).toEqual([
      ['gauge', 2, -1, 0, -1, -1, -1],
      ['counter', 1, -1, -1, -1, -1, -1],
      ['instant', 3, -1, -1, -1, -1, -1],
    ]);
  });

  it('computes a function twice if it is requested twice', () => {
    const twice = { function: 'rate', rangeMs: 15 * minutes } as const;
    expect(planLanes([twice, twice], grid).map(({ columns }) => columns[0])).toEqual([0, 1]);
  });

  it('distributes overlapping windows over lanes without overlap', () => {
    const lanes = planLanes([{ function: 'rate', rangeMs: 40 * minutes }], { ...grid, rows: 6 });
    expect(lanes.map(({ firstRow, rowStep, strideMs, firstEndMs }) => [firstRow, rowStep, strideMs, firstEndMs])).toEqual([
      [0, 3, 2_700_000, 5_500_000],
      [1, 3, 2_700_000, 6_400_000],
      [2, 3, 2_700_000, 7_300_000],
    ]);
  });

  it.each([
    ['closed', 15, true, 900_000],
    ['closed', 14, false, 840_000],
    ['left-open', 15, false, 899_999],
  ] as const)('shares a sample on the boundary of adjacent windows: %s windows of %d min: %p', (boundary, range, isShared, widthMs) => {
    const [lane] = planLanes([{ function: 'rate', rangeMs: range * minutes }], { ...grid, boundary });
    expect([lane?.isShared, lane?.widthMs]).toEqual([isShared, widthMs]);
  });

  it('plans at most one lane per row', () => {
    expect(planLanes([{ function: 'rate', rangeMs: 1e9 }], grid)).toHaveLength(4);
  });
});
