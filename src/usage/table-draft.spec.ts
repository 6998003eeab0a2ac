import type { PrometheusSeries } from '../datasource/datasource-client.js';
import { attachAccelerator, detectAccelerator, giveColumn, giveTables, instantOf, rowOf, TableDraft, takeColumn } from './table-draft.js';

const megabyte = 1024 * 1024;
const rowsOf = (megabytes: number) => (megabytes * megabyte) / Float64Array.BYTES_PER_ELEMENT;

describe('columns', () => {
  it('reuses a returned column of the same length', () => {
    const column = takeColumn(10);
    giveColumn(column);
    expect(takeColumn(11)).not.toBe(column);
    expect(takeColumn(10)).toBe(column);
    expect(takeColumn(10)).not.toBe(column);
  });

  it('keeps a column once if a table contains it twice', () => {
    const column = takeColumn(12);
    giveTables([{ columns: { 'cpuUsage.max': column, 'cpuUsage.min': column } }]);
    expect(takeColumn(12)).toBe(column);
    expect(takeColumn(12)).not.toBe(column);
  });

  it('drops columns of the least recently used lengths first', () => {
    const old = Array.from({ length: 4 }, () => takeColumn(rowsOf(2)));
    for (const column of old) giveColumn(column);
    const used = Array.from({ length: 16 }, () => takeColumn(rowsOf(1)));
    for (const column of used) giveColumn(column);
    expect(old).not.toContain(takeColumn(rowsOf(2)));
    const again = Array.from({ length: 16 }, () => takeColumn(rowsOf(1)));
    expect(again.every((column) => used.includes(column))).toBe(true);
  });

  it('keeps at most 20 MB', () => {
    const many = Array.from({ length: 40 }, () => takeColumn(rowsOf(1) + 1));
    for (const column of many) giveColumn(column);
    const again = Array.from({ length: 40 }, () => takeColumn(rowsOf(1) + 1));
    const kept = again.filter((column) => many.includes(column));
    expect(kept.length).toBeLessThanOrEqual(20);
    expect(kept.length).toBeGreaterThan(16);
  });
});

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
  ])('detects whether %j is activity', (values, isActive) => {
    const draft = new TableDraft({ ...grid, rows: 2 });
    if (values.length > 0) draft.columnOf('cpuUsage.avg').set(values);
    expect(draft.hasActivity('cpuUsage.avg')).toBe(isActive);
  });

  it('removes everything', () => {
    const draft = new TableDraft(grid);
    draft.columnOf('cpuUsage.avg')[3] = 1;
    draft.present[3] = 1;
    draft.jvm = { runtime: 'R', vendor: 'V', version: '1' };
    draft.acceleratorModel = 'A100';
    draft.clear();
    expect(draft.finish()).toEqual(new TableDraft(grid).finish());
  });
});

const series = (modelName: string | undefined, ...samples: [number, string][]): PrometheusSeries => ({
  labels: modelName === undefined ? {} : { modelName },
  samples,
});

function draftWith(present: number[], stepSeconds: number) {
  const draft = new TableDraft({ endSeconds: (present.length - 1) * stepSeconds, stepSeconds, rows: present.length });
  draft.present.set(present);
  draft.acceleratorModel = 'NVIDIA-A100-SXM4-40GB';
  return draft;
}

describe('detectAccelerator', () => {
  it.each([
    [['Tesla T4', 'nvidia-h100-pcie', 'NVIDIA-A100'], 'nvidia-h100-pcie'],
    [['NVIDIA H200'], 'NVIDIA H200'],
    [['Tesla T4', 'B200'], undefined],
    [[undefined, 'A100'], 'A100'],
    [[], undefined],
  ])('finds the first supported model in %j', (models, found) => {
    expect(detectAccelerator(models.map((model) => series(model)))).toBe(found);
  });
});

describe('attachAccelerator', () => {
  const attach = (draft: TableDraft, ...found: PrometheusSeries[]) => {
    attachAccelerator(draft, 'acceleratorCoreUsage.max', found);
    return [...(draft.finish().columns['acceleratorCoreUsage.max'] ?? [])];
  };
  const model = 'nvidia-a100-sxm4-40gb';

  it('attaches samples to existing intervals and makes none', () => {
    const draft = draftWith([1, 0, 1], 900);
    expect(attach(draft, series(model, [0, '10'], [900, '20'], [1800, '30']))).toEqual([10, Number.NaN, 30]);
    expect([...draft.present]).toEqual([1, 0, 1]);
  });

  it('attaches a sample to the nearest interval within five minutes, on a tie to the earlier one', () => {
    expect(attach(draftWith([1, 0, 1], 120), series(model, [120, '20']))).toEqual([20, Number.NaN, Number.NaN]);
    expect(attach(draftWith([0, 0, 1], 120), series(model, [0, '20']))).toEqual([Number.NaN, Number.NaN, 20]);
    expect(attach(draftWith([0, 0, 0, 1], 120), series(model, [0, '20']))).toEqual([]);
  });

  it('keeps the last of several series of the model and ignores other models', () => {
    const found = [series(model, [0, '10']), series(model.toUpperCase(), [0, '20']), series('H100', [0, '30'])];
    expect(attach(draftWith([1], 900), ...found)).toEqual([20]);
  });

  it('counts NaN as missing', () => expect(attach(draftWith([1], 900), series(model, [0, 'NaN']))).toEqual([]));
});
