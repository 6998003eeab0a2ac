import { RangeLane } from './range-lane.js';

/** avg, min, max, sum, count and last_over_time. */
export class GaugeLane extends RangeLane {
  private sum = 0;
  /** What rounding took from the sum. */
  private rest = 0;
  private min = 0;
  private max = 0;

  protected override empty(): void {
    super.empty();
    this.sum = 0;
    this.rest = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.max = Number.NEGATIVE_INFINITY;
  }

  protected take(timeMs: number, value: number): void {
    // Neumaier's compensated sum, as kahanSumInc of promql/functions.go.
    const total = this.sum + value;
    this.rest += Math.abs(this.sum) >= Math.abs(value) ? this.sum - total + value : value - total + this.sum;
    this.sum = total;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    this.count++;
    this.lastTime = timeMs;
    this.lastValue = value;
  }

  protected finish(): void {
    const { count, min, max } = this;
    if (count === 0) return;
    // An infinite sum has no meaningful rest.
    const sum = Math.abs(this.sum) === Number.POSITIVE_INFINITY ? this.sum : this.sum + this.rest;
    // PromQL's minimum and maximum pass over NaN unless there is nothing else.
    const hasNumber = min <= max;
    this.write([sum / count, hasNumber ? min : Number.NaN, hasNumber ? max : Number.NaN, sum, count, this.lastValue]);
  }
}
