import type { RowRange } from './row-numbers.js';

/** Experiments (by their places in the request) whose newest `rows` are read together. */
export interface PartialRead {
  readonly places: readonly number[];
  readonly rows: number;
}

/** GPU samples are attached to intervals within 5 minutes: rows that near to the first one read are incomplete, since samples before it are not read. */
const attachSeconds = 300;

/** Rows at the beginning of a partial read that are not used: a sample may be attached so far away, and intervals decide that are as far from it. */
export function marginRows(stepSeconds: number): number {
  return 2 * Math.floor(attachSeconds / stepSeconds);
}

/**
 * Which newest rows must be read of each experiment of a window, from what is known of it: what is missing, and of what is known the last
 * `overlapSeconds`, in which samples may have come late. Experiments that need about as many rows are read together.
 */
export function planPartialReads(
  known: readonly RowRange[],
  window: RowRange,
  { stepSeconds, overlapSeconds }: { readonly stepSeconds: number; readonly overlapSeconds: number },
): PartialRead[] {
  const all = window.to - window.from;
  const margin = marginRows(stepSeconds);
  const overlap = Math.max(1, Math.ceil(overlapSeconds / stepSeconds), margin);
  const reads = new Map<number, { places: number[]; rows: number }>();
  for (const [place, { to }] of known.entries()) {
    const seam = Math.min(to, window.to) - overlap;
    const rows = Math.min(all, seam <= window.from ? all : window.to - seam + margin);
    const size = rows === all ? Number.POSITIVE_INFINITY : Math.ceil(Math.log2(rows));
    const read = reads.get(size) ?? { places: [], rows: 0 };
    read.places.push(place);
    read.rows = Math.max(read.rows, rows);
    reads.set(size, read);
  }
  return [...reads.values()];
}
