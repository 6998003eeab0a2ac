/** The rows `start` (included) to `end` (excluded) of a table's column. */
export interface ColumnPart {
  readonly values: Float64Array;
  readonly start: number;
  readonly end: number;
  /** The columns that come before it in the block: their rows of the same numbers are written, or read, already. */
  readonly before: readonly Float64Array[];
}

/** One way to write a column down. */
interface ColumnKind {
  /** Writes the part at a place that has room for 8 bytes a row; answers where it ends, or -1 where this way does not hold it. */
  readonly write: (bytes: DataView, at: number, part: ColumnPart) => number;
  /** Fills the part in; answers where it ends. */
  readonly read: (bytes: DataView, at: number, part: ColumnPart) => number;
}

const pageBytes = 4096;
/** Stands for NaN where values are numbers of pages. */
const missingPages = -(2 ** 31);

/** Requests, limits, idle throttling. */
const constant: ColumnKind = {
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

/** The sum of one pod is its average. */
const copy: ColumnKind = {
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

/** Memory comes in whole pages: half the bytes of a double. */
const pages: ColumnKind = {
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

/** What is left is noise, which no compression makes smaller. */
const raw: ColumnKind = {
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

/** The ways to write a column down, fewest bytes first; a stored column bears its way's place in this list. */
export const columnKinds: readonly ColumnKind[] = [constant, copy, pages, raw];

function isCopyOf(other: Float64Array, { values, start, end }: ColumnPart): boolean {
  for (let row = start; row < end; row++) {
    if (values[row] !== other[row] && !(Number.isNaN(values[row]) && Number.isNaN(other[row]))) return false;
  }
  return true;
}
