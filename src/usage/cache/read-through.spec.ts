import { planPartialReads } from './stored-windows.js';

const window = { from: 1000, to: 2441 };
const knownTo = (...ends: number[]) => ends.map((to) => ({ from: 1000, to }));

describe('planPartialReads', () => {
  it.each([
    ['everything if nothing is known', 1000, 900, 3600, 1441],
    ['everything if only rows are known whose samples may still arrive', 1003, 900, 3600, 1441],
    ['the new row and an hour before it', 2440, 900, 3600, 5],
    ['the last hour if everything is known', 2441, 900, 3600, 4],
    ['the last hour if later rows are known too', 2600, 900, 3600, 4],
    ['the rows that are missing since the last job', 2344, 900, 3600, 101],
    ['at least one row', 2441, 900, 0, 1],
    ['also the preceding rows, to which GPU samples may belong', 2440, 120, 3600, 35],
    ['these rows and as many again if samples never arrive late', 2440, 120, 0, 9],
    ['at most everything', 1008, 120, 360, 1441],
  ])('reads %s', (_, to, stepSeconds, overlapSeconds, rows) => {
    expect(planPartialReads(knownTo(to), window, { stepSeconds, overlapSeconds })).toEqual([{ places: [0], rows }]);
  });

  it('groups experiments that need about the same number of rows', () => {
    const known = knownTo(2440, 1000, 2439, 2440, 1000, 2000);
    expect(planPartialReads(known, window, { stepSeconds: 900, overlapSeconds: 3600 })).toEqual([
      { places: [0, 2, 3], rows: 6 },
      { places: [1, 4], rows: 1441 },
      { places: [5], rows: 445 },
    ]);
  });
});
