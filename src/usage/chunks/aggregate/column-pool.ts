/** Columns that are used again and again: making and forgetting one for every series and operator costs more than filling it. */
export class ColumnPool {
  private readonly free = new Map<number, Float64Array[]>();

  /** A column of so many rows; its values are whatever they were. */
  take(rows: number): Float64Array {
    return this.free.get(rows)?.pop() ?? new Float64Array(rows);
  }

  /** Gives a column back: it must not be looked at any more. */
  give(column: Float64Array): void {
    const free = this.free.get(column.length);
    if (free) free.push(column);
    else this.free.set(column.length, [column]);
  }
}
