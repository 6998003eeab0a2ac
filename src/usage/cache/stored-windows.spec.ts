import { TableDraft } from '../table-draft.js';
import { GrowingBuffer } from './growing-buffer.js';
import { changedBlocks, findKnown, mergeWindow } from './stored-windows.js';
import { type BlockSource, BlockWriter, rowsIn } from './window-block.js';
import { blockRows, type RowRange } from './window-rows.js';

const base = 20_000 * blockRows;

function sourceOf({ from, to }: RowRange, value = 1): BlockSource {
  const draft = new TableDraft({ endSeconds: 0, stepSeconds: 900, rows: to - from });
  draft.present.fill(1);
  draft.columnOf('cpuUsage.avg').fill(value);
  return { table: draft.finish(), firstRow: from, labels: { fromRow: from } };
}

const blockOf = (rows: RowRange, value?: number) => new BlockWriter(sourceOf(rows, value), new GrowingBuffer()).write(rows);
const range = (from: number, to: number) => ({ from: base + from, to: base + to });

describe('the known part of a window', () => {
  it.each<[string, RowRange[], number]>([
    ['empty if nothing is stored', [], 50],
    ['empty for a block that ends where the window begins', [range(10, 50)], 50],
    ['the rest of a block that ends in the window', [range(10, 51)], 51],
    ['a series of consecutive blocks, stored in any order', [range(blockRows, blockRows + 3), range(40, blockRows)], blockRows + 3],
    ['limited to the blocks before a gap', [range(40, blockRows - 1), range(blockRows, blockRows + 3)], blockRows - 1],
  ])('is %s', (_, ranges, to) => {
    const { known, labels } = findKnown(
      ranges.map((rows) => blockOf(rows)),
      base + 50,
    );
    expect(known).toEqual(range(50, to));
    expect(labels !== undefined).toBe(to > 50);
  });
});

describe('a changed block', () => {
  const changed = (before: RowRange, rows: RowRange, value: number) =>
    changedBlocks(sourceOf(rows, value), { window: rows, seam: rows.from, stored: [blockOf(before)] }, new GrowingBuffer()).map(rowsIn);

  it('keeps the rows directly before the window', () => {
    expect(changed(range(10, 20), range(20, 30), 2)).toEqual([range(10, 30)]);
    expect(changed(range(10, 25), range(20, 30), 2)).toEqual([range(10, 30)]);
  });

  it('drops rows before a gap', () => {
    expect(changed(range(10, 19), range(20, 30), 2)).toEqual([range(20, 30)]);
  });

  it('is written only if it differs', () => {
    expect(changed(range(20, 30), range(20, 30), 1)).toEqual([]);
    expect(changed(range(20, 30), range(20, 30), 2)).toEqual([range(20, 30)]);
  });
});

const window = { from: 100, to: 200 };
const newestRows = 10;
const java = (version: string) => ({ runtime: 'OpenJDK', vendor: 'x', version });

/** Merges a stored window with newest rows that show the JVM `version` and a last interval with the sample `cpu`, or with none. */
function merged(version: string, cpu: number | undefined) {
  const draft = new TableDraft({ endSeconds: 200 * 900, stepSeconds: 900, rows: newestRows });
  draft.present.fill(1);
  draft
    .columnOf('cpuUsage.avg')
    .fill(1)
    .fill(cpu ?? Number.NaN, newestRows - 1);
  draft.jvm = java(version);
  draft.jvmLastRow = newestRows - 1;
  const labels = { fromRow: 100, jvm: { value: java('17'), lastRow: 195, behind: java('21') } };
  return mergeWindow({ blocks: [], known: { from: 100, to: 198 }, labels }, draft.finish(), window);
}

describe('a window whose newest rows show a JVM that comes after the stored one by name', () => {
  it('must be read completely if a newest interval may exist only because of that JVM', () => {
    expect(merged('21', undefined)).toMatchObject({ isSettled: false, labels: { jvm: { value: java('21') } } });
  });

  it('keeps the stored JVM if every interval has a sample', () => {
    expect(merged('21', 1)).toMatchObject({ isSettled: true, table: { jvm: java('17') } });
  });

  it('is settled if both show the same JVM', () => {
    expect(merged('17', undefined)).toMatchObject({ isSettled: true, table: { jvm: java('17') } });
  });
});
