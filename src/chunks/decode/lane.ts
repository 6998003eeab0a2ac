import type { LanePlan } from './plan-lanes.js';
import type { Samples } from './samples.js';

/** One pass of windows over a series; assembly/lane.ts is its twin. */
export abstract class Lane {
  /** Rows that have a value are within [firstFilled, endFilled). */
  firstFilled = 0;
  endFilled = 0;
  protected row = 0;
  protected endMs = 0;

  constructor(
    protected readonly plan: LanePlan,
    private readonly columns: readonly Float64Array[],
  ) {}

  /** Makes ready for another series. */
  reset(): void {
    this.row = this.plan.firstRow;
    this.endMs = this.plan.firstEndMs;
    this.firstFilled = Number.POSITIVE_INFINITY;
    this.endFilled = 0;
  }

  /** Takes the first `count` samples, which follow those that it took before. */
  abstract run(samples: Samples, count: number): void;

  /** The series is over: writes the windows that are left. */
  abstract close(): void;

  /** Writes a row: its results by their number. */
  protected write(results: readonly number[]): void {
    const { columns } = this.plan;
    for (let i = 0; i < results.length; i++) {
      const column = columns[i]!;
      if (column >= 0) this.columns[column]![this.row] = results[i]!;
    }
    this.firstFilled = Math.min(this.firstFilled, this.row);
    this.endFilled = this.row + 1;
  }

  protected get isOver(): boolean {
    return this.row >= this.plan.rows;
  }

  protected skip(windows: number): void {
    this.row += windows * this.plan.rowStep;
    this.endMs += windows * this.plan.strideMs;
  }

  /** Goes on, over windows without samples, to the one that ends at `timeMs` or later. */
  protected skipTo(timeMs: number): void {
    if (timeMs > this.endMs) this.skip(Math.ceil((timeMs - this.endMs) / this.plan.strideMs));
  }
}
