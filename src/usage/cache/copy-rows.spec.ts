import { appendCopyRow, copyHeader, copyTrailer, readCopyRows, TaskWindows } from './copy-rows.js';
import { GrowingBuffer } from './growing-buffer.js';

describe('GrowingBuffer', () => {
  it('keeps everything that is appended, in order, whatever its size', () => {
    const buffer = new GrowingBuffer();
    const pieces = Array.from({ length: 5 }, (_, i) => Buffer.alloc(700_000, i + 1));
    for (const piece of pieces) buffer.append(piece);
    expect(buffer.length).toBe(3_500_000);
    expect(buffer.bytes.equals(Buffer.concat(pieces))).toBe(true);
  });

  it('drops unused bytes', () => {
    const buffer = new GrowingBuffer();
    buffer.room(10).fill(7);
    buffer.drop(8);
    buffer.append(Buffer.from([9]));
    expect([...buffer.bytes]).toEqual([7, 7, 9]);
  });

  it('does not change bytes that it returned before it grew', () => {
    const buffer = new GrowingBuffer();
    const first = buffer.room(3);
    first.set([1, 2, 3]);
    buffer.room(5_000_000);
    expect([...first]).toEqual([1, 2, 3]);
    expect([...buffer.bytes.subarray(0, 3)]).toEqual([1, 2, 3]);
  });

  it('is empty after it is cleared and reuses its memory', () => {
    const buffer = new GrowingBuffer();
    const before = buffer.room(3);
    buffer.clear();
    expect(buffer.length).toBe(0);
    expect(buffer.room(3).byteOffset).toBe(before.byteOffset);
    expect(buffer.bytes.buffer).toBe(before.buffer);
  });
});

const keyOf = (digit: string) => `${digit.repeat(8)}-0000-4000-8000-0123456789ab`;
const row = (digit: string, number: number, text: string) => ({
  key: keyOf(digit),
  block: { number, data: Buffer.from(text) },
});

const written = (rows: readonly ReturnType<typeof row>[]) => {
  const buffer = new GrowingBuffer();
  buffer.append(copyHeader);
  for (const each of rows) appendCopyRow(each.key, each.block, buffer);
  buffer.append(copyTrailer);
  return buffer.bytes;
};

/** Rows as the store loads them: those of an experiment are the value of one row. */
const loaded = (...experiments: (readonly ReturnType<typeof row>[])[]) => {
  const buffer = new GrowingBuffer();
  buffer.append(copyHeader);
  for (const rows of experiments) {
    const packed = written(rows).subarray(copyHeader.length, -copyTrailer.length);
    const head = buffer.room(6);
    head.writeInt32BE(packed.length, head.writeInt16BE(1, 0));
    buffer.append(packed);
  }
  buffer.append(copyTrailer);
  return buffer.bytes;
};

describe('rows of a binary COPY', () => {
  it('are read as they were written, grouped by key', () => {
    const rows = [row('a', 7, 'one'), row('b', -3, ''), row('a', 8, '\u{1F600}')];
    const read = readCopyRows(written(rows));
    expect([...read.keys()]).toEqual([rows[0]!.key, rows[1]!.key]);
    expect(read.get(rows[0]!.key)).toEqual([rows[0]!.block, rows[2]!.block]);
    expect(read.get(rows[1]!.key)).toEqual([rows[1]!.block]);
  });

  it('can be empty', () => {
    expect(readCopyRows(written([]))).toEqual(new Map());
  });
});

describe('TaskWindows', () => {
  it('returns the stored blocks of each experiment, wherever their bytes are in memory', () => {
    const rows = loaded([row('a', 7, 'one'), row('a', 8, 'two')], [row('b', 7, 'three')]);
    const memory = new Uint8Array(new SharedArrayBuffer(rows.length + 20));
    memory.set(rows, 5);
    const windows = new TaskWindows({ stored: memory.subarray(5, 5 + rows.length) });
    expect(windows.blocksOf(keyOf('a'))).toEqual([row('a', 7, 'one').block, row('a', 8, 'two').block]);
    expect(windows.blocksOf(keyOf('b'))).toEqual([row('b', 7, 'three').block]);
    expect(windows.blocksOf(keyOf('c'))).toEqual([]);
  });

  it('has no blocks if nothing is stored', () => {
    expect(new TaskWindows().blocksOf(keyOf('a'))).toEqual([]);
  });

  it('returns no writes if nothing was added', () => {
    expect(new TaskWindows({ stored: new Uint8Array(loaded([row('a', 7, 'one')]).buffer) }).writes()).toBeUndefined();
  });

  it('returns all added blocks, and also the experiments that were only used', () => {
    const windows = new TaskWindows();
    const [one, two] = [row('a', 7, 'one').block, row('a', 8, 'two').block];
    windows.add({ key: keyOf('a'), blocks: [one, two], replacesAll: true, firstBlock: 3 });
    windows.add({ key: keyOf('b'), blocks: [], replacesAll: false, firstBlock: 4 });
    const { copy, series } = windows.writes()!;
    expect(readCopyRows(Buffer.from(copy))).toEqual(new Map([[keyOf('a'), [one, two]]]));
    expect(series).toEqual([
      { key: keyOf('a'), numbers: [7, 8], replacesAll: true, firstBlock: 3 },
      { key: keyOf('b'), numbers: [], replacesAll: false, firstBlock: 4 },
    ]);
  });

  it('ignores an experiment that was added before, and everything after the writes were taken', () => {
    const windows = new TaskWindows();
    const [first, again, late] = [row('a', 7, 'first'), row('a', 7, 'again'), row('b', 7, 'late')];
    for (const { key, block } of [first, again]) windows.add({ key, blocks: [block], replacesAll: false, firstBlock: 0 });
    const { copy, series } = windows.writes()!;
    const before = Buffer.from(copy);
    windows.add({ key: late.key, blocks: [late.block], replacesAll: false, firstBlock: 0 });
    expect(readCopyRows(before)).toEqual(new Map([[first.key, [first.block]]]));
    expect(Buffer.from(copy)).toEqual(before);
    expect(series).toHaveLength(1);
  });

  it('copies the added blocks', () => {
    const windows = new TaskWindows();
    const { key, block } = row('a', 7, 'one');
    windows.add({ key, blocks: [block], replacesAll: false, firstBlock: 0 });
    block.data.fill(0);
    expect(readCopyRows(Buffer.from(windows.writes()!.copy)).get(key)).toEqual([row('a', 7, 'one').block]);
  });

  it('writes plain data into the given memory, which threads can share', () => {
    const memory = new SharedArrayBuffer(1_000);
    const [one, other] = [new TaskWindows({ memory }), new TaskWindows()];
    for (const windows of [one, other]) {
      windows.add({ key: keyOf('a'), blocks: [row('a', 7, 'one').block], replacesAll: false, firstBlock: 0 });
    }
    const [{ copy, series }, { copy: otherCopy }] = [one.writes()!, other.writes()!];
    const kept = Buffer.from(otherCopy);
    const sent = structuredClone({ copy, series });
    expect(copy.buffer).toBe(memory);
    expect(sent.series).toEqual(series);
    expect(readCopyRows(Buffer.from(sent.copy)).get(keyOf('a'))).toEqual([row('a', 7, 'one').block]);
    expect(Buffer.from(otherCopy)).toEqual(kept);
  });
});
