import { instantOf, rowOf, TableDraft } from './table-draft.js';

const grid = { endSeconds: 1_795_231_800, stepSeconds: 900, rows: 1441 };

describe('grid', () => {
  it('has its last row at the end', () => expect(instantOf(grid, 1440)).toBe(grid.endSeconds));

  it.each([0, 1, 720, 1440])('finds row %d by its instant', (row) => expect(rowOf(grid, instantOf(grid, row))).toBe(row));

  it.each([
    ['before the first', grid.endSeconds - 1441 * 900],
    ['after the last', grid.endSeconds + 900],
    ['between two', grid.endSeconds - 450],
  ])('has no row for an instant %s', (_, seconds) => expect(rowOf(grid, seconds)).toBe(-1));
});

describe('TableDraft', () => {
  it('is an empty table until something is written', () => {
    const { endSeconds, stepSeconds } = grid;
    expect(new TableDraft(grid).finish()).toEqual({ endSeconds, stepSeconds, length: 1441, present: new Uint8Array(1441), columns: {} });
  });

  it.each([
    [[Number.NaN, 0], false],
    [[0, 0.001], true],
    [[], false],
  ])('tells whether %j is activity', (values, isActive) => {
    const draft = new TableDraft({ ...grid, rows: 2 });
    if (values.length > 0) draft.columnOf('cpuUsage.avg').set(values);
    expect(draft.hasActivity('cpuUsage.avg')).toBe(isActive);
  });

  it('forgets everything', () => {
    const draft = new TableDraft(grid);
    draft.columnOf('cpuUsage.avg')[3] = 1;
    draft.present[3] = 1;
    draft.jvm = { runtime: 'R', vendor: 'V', version: '1' };
    draft.acceleratorModel = 'A100';
    draft.clear();
    expect(draft.finish()).toEqual(new TableDraft(grid).finish());
  });
});
