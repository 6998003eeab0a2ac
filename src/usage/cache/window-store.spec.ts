import { Arena } from './arena.js';
import { appendCopyEnd, appendCopyRow, appendCopyStart, type KeyedBlock, readCopyRows } from './window-store.js';

const row = (digit: string, number: number, text: string): KeyedBlock => ({
  key: `${digit.repeat(8)}-0000-4000-8000-0123456789ab`,
  block: { number, data: Buffer.from(text) },
});

const written = (rows: readonly KeyedBlock[]) => {
  const arena = new Arena();
  appendCopyStart(arena);
  for (const each of rows) appendCopyRow(each, arena);
  appendCopyEnd(arena);
  return arena.bytes;
};

describe('rows of a binary COPY', () => {
  it('come back as they were written, by key', () => {
    const rows = [row('a', 7, 'one'), row('b', -3, ''), row('a', 8, '\u{1F600}')];
    const read = readCopyRows(written(rows));
    expect([...read.keys()]).toEqual([rows[0]!.key, rows[1]!.key]);
    expect(read.get(rows[0]!.key)).toEqual([rows[0]!.block, rows[2]!.block]);
    expect(read.get(rows[1]!.key)).toEqual([rows[1]!.block]);
  });

  it('may be none', () => {
    expect(readCopyRows(written([]))).toEqual(new Map());
  });
});
