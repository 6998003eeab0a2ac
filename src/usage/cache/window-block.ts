import { type UsageColumn, type UsageFunction, type UsageTable, usageMetrics } from '../../recommendation/usage-table.js';
import { giveTables, TableDraft } from '../table-draft.js';
import type { GrowingBuffer } from './growing-buffer.js';
import { blockOf, blockRows, intersect, RowRange, rowsOfBlock, type WindowLabels } from './window-rows.js';

/** The rows `start` (included) to `end` (excluded) of a table's column. */
export interface ColumnPart {
  readonly values: Float64Array;
  readonly start: number;
  readonly end: number;
  /** The preceding columns of the block; their rows are already written or read. */
  readonly before: readonly Float64Array[];
}

/** An encoding of a column. */
interface ColumnEncoding {
  /** Writes the part at `at`, with room for 8 bytes per row. Returns its end, or -1 if this encoding cannot represent it. */
  readonly write: (bytes: DataView, at: number, part: ColumnPart) => number;
  /** Fills the part from the bytes at `at`. Returns their end. */
  readonly read: (bytes: DataView, at: number, part: ColumnPart) => number;
}

const pageBytes = 4096;
/** NaN in a column of page counts. */
const missingPages = -(2 ** 31);

/** One value for all rows: requests, limits, no throttling. */
const constant: ColumnEncoding = {
  write: (bytes, at, { values, start, end }) => {
    const first = values[start]!;
    for (let row = start + 1; row < end; row++) if (values[row] !== first) return -1;
    bytes.setFloat64(at, first, true);
    return at + 8;
  },
  read: (bytes, at, { values, start, end }) => {
    values.fill(bytes.getFloat64(at, true), start, end);
    return at + 8;
  },
};

/** Equal to a preceding column: with one pod, the sum equals the average. */
const copy: ColumnEncoding = {
  write: (bytes, at, part) => {
    const index = part.before.findIndex((other) => isCopyOf(other, part));
    if (index < 0) return -1;
    bytes.setUint8(at, index);
    return at + 1;
  },
  read: (bytes, at, { values, start, end, before }) => {
    const original = before[bytes.getUint8(at)]!;
    for (let row = start; row < end; row++) values[row] = original[row]!;
    return at + 1;
  },
};

/** Whole memory pages, in half the bytes of a double. */
const pages: ColumnEncoding = {
  write: (bytes, at, { values, start, end }) => {
    let next = at;
    for (let row = start; row < end; row++, next += 4) {
      const value = values[row]!;
      const isMissing = Number.isNaN(value);
      const count = isMissing ? missingPages : (value / pageBytes) | 0;
      if (!isMissing && (count * pageBytes !== value || count === missingPages)) return -1;
      bytes.setInt32(next, count, true);
    }
    return next;
  },
  read: (bytes, at, { values, start, end }) => {
    let next = at;
    for (let row = start; row < end; row++, next += 4) {
      const count = bytes.getInt32(next, true);
      values[row] = count === missingPages ? Number.NaN : count * pageBytes;
    }
    return next;
  },
};

/** Doubles. The remaining columns are noise, which does not compress. */
const raw: ColumnEncoding = {
  write: (bytes, at, { values, start, end }) => {
    let next = at;
    for (let row = start; row < end; row++, next += 8) bytes.setFloat64(next, values[row]!, true);
    return next;
  },
  read: (bytes, at, { values, start, end }) => {
    let next = at;
    for (let row = start; row < end; row++, next += 8) values[row] = bytes.getFloat64(next, true);
    return next;
  },
};

/** All encodings, fewest bytes first. A stored column contains the index of its encoding in this list. */
export const encodings: readonly ColumnEncoding[] = [constant, copy, pages, raw];

function isCopyOf(other: Float64Array, { values, start, end }: ColumnPart): boolean {
  for (let row = start; row < end; row++) {
    if (values[row] !== other[row] && !(Number.isNaN(values[row]) && Number.isNaN(other[row]))) return false;
  }
  return true;
}

/** Some rows of one experiment in their stored form. */
export interface WindowBlock {
  readonly number: number;
  /** First row in the block (1 byte), rows (1), columns (1), unused (1), length of the labels (4), labels as JSON, one presence bit per row, columns. */
  readonly data: Buffer;
}

/** The source of blocks. */
export interface BlockSource {
  readonly table: Pick<UsageTable, 'present' | 'columns'>;
  /** Number of the table's first row. */
  readonly firstRow: number;
  readonly labels: WindowLabels;
}

const functions: readonly UsageFunction[] = ['avg', 'min', 'max', 'sum', 'count'];
const columnNames = usageMetrics.flatMap((metric) => functions.map((name): UsageColumn => `${metric}.${name}`));
const headerBytes = 8;
/** Maximum size of all columns: name, encoding, and 8 bytes per row each. */
const maxColumnBytes = columnNames.length * (2 + 8 * blockRows);
const bitBytes = Math.ceil(blockRows / 8);

/** A column and the index of its name. */
interface NumberedColumn {
  readonly index: number;
  readonly values: Float64Array;
}

/** Writes the blocks of one table into a buffer. */
export class BlockWriter {
  private readonly labels: Buffer;
  private readonly columns: readonly NumberedColumn[];

  constructor(
    private readonly source: BlockSource,
    private readonly buffer: GrowingBuffer,
  ) {
    const { columns } = source.table;
    this.labels = Buffer.from(JSON.stringify(source.labels));
    this.columns = columnNames.flatMap((name, index) => (columns[name] ? [{ index, values: columns[name] }] : []));
  }

  /** Writes rows of the table, all of one block. */
  write(rows: RowRange): WindowBlock {
    const { firstRow, table } = this.source;
    const number = blockOf(rows.from);
    const [start, end] = [rows.from - firstRow, rows.to - firstRow];
    const bitsAt = headerBytes + this.labels.length;
    const room = this.buffer.room(bitsAt + bitBytes + maxColumnBytes);
    const bytes = new DataView(room.buffer, room.byteOffset);
    room.set(this.labels, headerBytes);
    const columnsAt = writeBits(room, bitsAt, table.present, start, end);
    const { at, count } = writeColumns(bytes, columnsAt, this.columns, start, end);
    room.set([rows.from - rowsOfBlock(number).from, end - start, count, 0]);
    bytes.setUint32(4, this.labels.length, true);
    this.buffer.drop(room.length - at);
    return { number, data: room.subarray(0, at) };
  }
}

/** The rows that a block holds. */
export function rowsIn({ number, data }: WindowBlock): RowRange {
  const from = rowsOfBlock(number).from + data[0]!;
  return { from, to: from + data[1]! };
}

/** The labels at the time the block was written. */
export function labelsIn({ data }: WindowBlock): WindowLabels {
  return JSON.parse(data.toString('utf8', headerBytes, headerBytes + data.readUInt32LE(4)));
}

/** Copies a block's rows within `requested` into a draft whose first row has the number `firstRow`. */
export function readBlock(block: WindowBlock, requested: RowRange, draft: TableDraft, firstRow: number): void {
  const held = rowsIn(block);
  const { from, to } = intersect(held, requested);
  if (from === to) return;
  if (from === held.from && to === held.to) {
    readAll(block, draft, from - firstRow, to - firstRow);
  } else {
    const all = new TableDraft({ ...draft.grid, rows: held.to - held.from });
    readAll(block, all, 0, held.to - held.from);
    const table = all.finish();
    copyRows(table, from - held.from, draft, from - firstRow, to - from);
    giveTables([table]);
  }
}

/** Copies `count` rows of a table, starting at its row `from`, to row `at` of a draft. */
export function copyRows({ present, columns }: BlockSource['table'], from: number, draft: TableDraft, at: number, count: number): void {
  draft.present.set(present.subarray(from, from + count), at);
  for (const [name, values] of Object.entries(columns) as [UsageColumn, Float64Array][]) {
    draft.columnOf(name).set(values.subarray(from, from + count), at);
  }
}

/** Copies all rows of a block into the rows `start` to `end` of a draft. */
function readAll({ data }: WindowBlock, draft: TableDraft, start: number, end: number): void {
  const bytes = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = headerBytes + bytes.getUint32(4, true);
  for (let row = start; row < end; row++) draft.present[row] = (data[at + ((row - start) >> 3)]! >> ((row - start) & 7)) & 1;
  at += Math.ceil((end - start) / 8);
  const before: Float64Array[] = [];
  for (let count = data[2]!; count > 0; count--) {
    const values = draft.columnOf(columnNames[data[at]!]!);
    at = encodings[data[at + 1]!]!.read(bytes, at + 2, { values, start, end, before });
    before.push(values);
  }
}

/** Writes the columns that have a sample in the rows. Returns their end and their number. */
function writeColumns(bytes: DataView, from: number, columns: readonly NumberedColumn[], start: number, end: number) {
  const before: Float64Array[] = [];
  let at = from;
  for (const { index, values } of columns) {
    if (isEmpty(values, start, end)) continue;
    const part = { values, start, end, before };
    let next = -1;
    for (let kind = 0; next < 0; kind++) {
      bytes.setUint16(at, (index << 8) | kind);
      next = encodings[kind]!.write(bytes, at + 2, part);
    }
    before.push(values);
    at = next;
  }
  return { at, count: before.length };
}

function isEmpty(values: Float64Array, start: number, end: number): boolean {
  for (let row = start; row < end; row++) if (!Number.isNaN(values[row])) return false;
  return true;
}

function writeBits(bytes: Uint8Array, at: number, flags: Uint8Array, start: number, end: number): number {
  const next = at + Math.ceil((end - start) / 8);
  bytes.fill(0, at, next);
  for (let row = start; row < end; row++) if (flags[row]) bytes[at + ((row - start) >> 3)]! |= 1 << ((row - start) & 7);
  return next;
}
