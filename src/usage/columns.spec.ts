import { giveColumn, giveTables, takeColumn } from './columns.js';

const megabyte = 1024 * 1024;
const rowsOf = (megabytes: number) => (megabytes * megabyte) / Float64Array.BYTES_PER_ELEMENT;

describe('columns', () => {
  it('gives one back that is not needed any more, to whom asks for its length', () => {
    const column = takeColumn(10);
    giveColumn(column);
    expect(takeColumn(11)).not.toBe(column);
    expect(takeColumn(10)).toBe(column);
    expect(takeColumn(10)).not.toBe(column);
  });

  it('takes a column that stands in a table twice once', () => {
    const column = takeColumn(12);
    giveTables([{ columns: { 'cpuUsage.max': column, 'cpuUsage.min': column } }]);
    expect(takeColumn(12)).toBe(column);
    expect(takeColumn(12)).not.toBe(column);
  });

  it('forgets lengths that nobody asked for lately, before any of those that are used', () => {
    const old = Array.from({ length: 4 }, () => takeColumn(rowsOf(2)));
    for (const column of old) giveColumn(column);
    const used = Array.from({ length: 16 }, () => takeColumn(rowsOf(1)));
    for (const column of used) giveColumn(column);
    expect(old).not.toContain(takeColumn(rowsOf(2)));
    const again = Array.from({ length: 16 }, () => takeColumn(rowsOf(1)));
    expect(again.every((column) => used.includes(column))).toBe(true);
  });

  it('keeps no more than 20 MB', () => {
    const many = Array.from({ length: 40 }, () => takeColumn(rowsOf(1) + 1));
    for (const column of many) giveColumn(column);
    const again = Array.from({ length: 40 }, () => takeColumn(rowsOf(1) + 1));
    const kept = again.filter((column) => many.includes(column));
    expect(kept.length).toBeLessThanOrEqual(20);
    expect(kept.length).toBeGreaterThan(16);
  });
});
