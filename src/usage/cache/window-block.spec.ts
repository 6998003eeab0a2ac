import fc from 'fast-check';
import type { UsageColumn } from '../../recommendation/usage-table.js';
import { TableDraft } from '../table-draft.js';
import { GrowingBuffer } from './growing-buffer.js';
import { type BlockSource, BlockWriter, labelsIn, readBlock, rowsIn, type WindowBlock } from './window-block.js';
import { blockRows, type RowRange } from './window-rows.js';

const nan = Number.NaN;
const names: readonly UsageColumn[] = [
  'cpuRequest.avg',
  'cpuUsage.avg',
  'cpuUsage.sum',
  'cpuUsage.count',
  'memoryUsage.max',
  'namespaceTotalPods.avg',
];
const base = 20_000 * blockRows;

const anyValue = fc.oneof(
  fc.double(),
  fc.constant(nan),
  fc.integer({ min: 0, max: 2 ** 32 }).map((count) => count * 4096),
  fc.constant(0.5),
);
const columnOf = (rows: number) =>
  fc.oneof(
    fc.constant(new Float64Array(rows).fill(3)),
    fc.float64Array({ minLength: rows, maxLength: rows }),
    fc.array(anyValue, { minLength: rows, maxLength: rows }).map((values) => Float64Array.from(values)),
  );

/** A table within one block, with some NaN values and some equal columns. */
const anySource = fc
  .tuple(fc.integer({ min: 0, max: blockRows - 1 }), fc.integer({ min: 1, max: blockRows }))
  .map(([from, rows]) => ({ from: base + from, to: base + Math.min(blockRows, from + rows) }))
  .chain((rows) => {
    const length = rows.to - rows.from;
    const columns = fc.record({ ...Object.fromEntries(names.map((name) => [name, columnOf(length)])) }, { requiredKeys: [] });
    const present = fc
      .array(fc.integer({ min: 0, max: 1 }), { minLength: length, maxLength: length })
      .map((flags) => Uint8Array.from(flags));
    return fc.record({ rows: fc.constant(rows), columns, present, isCopied: fc.boolean() });
  })
  .map(({ rows, columns, present, isCopied }): { rows: RowRange; source: BlockSource } => ({
    rows,
    source: {
      table: { present, columns: { ...columns, ...(isCopied && columns['cpuUsage.avg'] && { 'cpuUsage.sum': columns['cpuUsage.avg'] }) } },
      firstRow: rows.from,
      labels: { fromRow: rows.from },
    },
  }));

function read(block: WindowBlock, requested: RowRange) {
  const draft = new TableDraft({ endSeconds: 0, stepSeconds: 900, rows: requested.to - requested.from });
  readBlock(block, requested, draft, requested.from);
  return draft.finish();
}

/** A column's values in these rows; undefined if all are NaN. Ignores the sign of zero. */
function samples(values: Float64Array | undefined, from: number, to: number): number[] | undefined {
  const found = values ? [...values.subarray(from, to)].map((value) => (value === 0 ? 0 : value)) : [];
  return found.every(Number.isNaN) ? undefined : found;
}

const writeBlock = (source: BlockSource, rows: RowRange) => new BlockWriter(source, new GrowingBuffer()).write(rows);

describe('a block', () => {
  it('returns exactly what was written', () => {
    fc.assert(
      fc.property(anySource, ({ rows, source }) => {
        const block = writeBlock(source, rows);
        const table = read(block, rows);
        expect(block.number).toBe(20_000);
        expect(rowsIn(block)).toEqual(rows);
        expect([...table.present]).toEqual([...source.table.present]);
        for (const name of names) {
          expect(samples(table.columns[name], 0, table.length)).toEqual(samples(source.table.columns[name], 0, table.length));
        }
      }),
    );
  });

  it('returns only the requested rows', () => {
    fc.assert(
      fc.property(anySource, fc.nat(), fc.nat(), ({ rows, source }, skip, leave) => {
        const length = rows.to - rows.from;
        const from = skip % length;
        const to = from + 1 + (leave % (length - from));
        const table = read(writeBlock(source, rows), { from: rows.from + from, to: rows.from + to });
        expect([...table.present]).toEqual([...source.table.present.subarray(from, to)]);
        for (const name of names) expect(samples(table.columns[name], 0, to - from)).toEqual(samples(source.table.columns[name], from, to));
      }),
    );
  });

  it('keeps labels with any text', () => {
    const labels = { fromRow: base, jvm: { value: { runtime: 'Grüße "x"\n', vendor: '', version: '17' }, lastRow: base + 3 } };
    const block = writeBlock({ table: { present: Uint8Array.of(1), columns: {} }, firstRow: base, labels }, { from: base, to: base + 1 });
    expect(labelsIn(block)).toEqual(labels);
    expect(read(block, { from: base, to: base + 1 }).present).toEqual(Uint8Array.of(1));
  });

  it.each([
    ['a constant column', () => 7, 0, 8],
    ['a column of noise', Math.random, 0, 8 * blockRows],
    ['memory in whole pages', (row: number) => row * 4096 * 100, 0, 4 * blockRows],
    ['a column without samples', () => nan, -2, 0],
  ])('needs few bytes for %s', (_, valueAt, name, bytes) => {
    const columns = { 'cpuUsage.avg': Float64Array.from({ length: blockRows }, (_, row) => valueAt(row)) };
    const labels = { fromRow: base };
    const table = { present: new Uint8Array(blockRows), columns };
    const rows = { from: base, to: base + blockRows };
    const empty = writeBlock({ table: { ...table, columns: {} }, firstRow: base, labels }, rows).data.length;
    expect(writeBlock({ table, firstRow: base, labels }, rows).data.length).toBe(empty + 2 + name + bytes);
  });

  it('stores the sum of one pod in one byte', () => {
    const noise = Float64Array.from({ length: blockRows }, Math.random);
    const write = (columns: BlockSource['table']['columns']) =>
      writeBlock(
        { table: { present: new Uint8Array(blockRows), columns }, firstRow: base, labels: { fromRow: base } },
        { from: base, to: base + blockRows },
      ).data.length;
    expect(write({ 'cpuUsage.avg': noise, 'cpuUsage.sum': noise.slice() }) - write({ 'cpuUsage.avg': noise })).toBe(3);
  });
});
