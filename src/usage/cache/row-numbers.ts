/** Rows of one block: a UTC day of quarter hours. Seven of ten containers' blocks then fit a page of PostgreSQL. */
export const blockRows = 96;

/**
 * Rows `from` (included) to `to` (excluded). Row n is the instant `n * stepSeconds + endSeconds % stepSeconds`, so that jobs of one step and one
 * phase of their ends number an instant alike.
 */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** The rows that a request wants. */
export function rangeOf({
  endSeconds,
  stepSeconds,
  rows,
}: {
  readonly endSeconds: number;
  readonly stepSeconds: number;
  readonly rows: number;
}): RowRange {
  const to = Math.floor(endSeconds / stepSeconds) + 1;
  return { from: to - rows, to };
}

/** The block that holds a row. */
export function blockOf(row: number): number {
  return Math.floor(row / blockRows);
}

/** The rows that a block has room for. */
export function rowsOfBlock(block: number): RowRange {
  return { from: block * blockRows, to: (block + 1) * blockRows };
}

/** What both ranges hold; empty (`to` = `from`) where nothing. */
export function intersect(one: RowRange, other: RowRange): RowRange {
  const from = Math.max(one.from, other.from);
  return { from, to: Math.max(from, Math.min(one.to, other.to)) };
}
