import type { SeriesWindows } from '../../chunks/series-windows.js';
import type { VectorPlace } from './plan-chunk-questions.js';

/** The rows of one series from its first to its last sample. `values[i]` belongs to row `firstRow + i`; it counts where `counts[i]` is no NaN. */
export interface KeptRows {
  readonly firstRow: number;
  readonly values: readonly number[];
  readonly counts: readonly number[];
}

/** What is kept of a series, whose own columns are used again for the next. */
export function keepRows({ values, firstRow, endRow }: SeriesWindows, place: VectorPlace): KeptRows {
  const keep = (column: number) => [...values[column]!.subarray(firstRow, endRow)];
  const kept = keep(place.values);
  return { firstRow, values: kept, counts: place.counts === place.values ? kept : keep(place.counts) };
}

/** Whether the window of the row holds a sample of the series. */
export function hasSample({ firstRow, counts }: KeptRows, row: number): boolean {
  return counts[row - firstRow]! > 0;
}

/** The value at a row with a sample. */
export function valueAt({ firstRow, values }: KeptRows, row: number): number {
  return values[row - firstRow]!;
}
