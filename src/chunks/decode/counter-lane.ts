import { RangeLane } from './range-lane.js';

/** rate, increase and irate. */
export class CounterLane extends RangeLane {
  private firstTime = 0;
  private firstValue = 0;
  private previousTime = 0;
  private previousValue = 0;
  /** What the counter had reached when it was reset, in all. */
  private resets = 0;

  protected override empty(): void {
    super.empty();
    this.resets = 0;
  }

  protected take(timeMs: number, value: number): void {
    if (this.count++ === 0) {
      this.firstTime = timeMs;
      this.firstValue = value;
    } else if (value < this.lastValue) this.resets += this.lastValue;
    this.previousTime = this.lastTime;
    this.previousValue = this.lastValue;
    this.lastTime = timeMs;
    this.lastValue = value;
  }

  protected finish(): void {
    if (this.count < 2) return;
    const { lastValue, previousValue } = this;
    const increase = this.extrapolatedIncrease();
    const gained = lastValue < previousValue ? lastValue : lastValue - previousValue;
    this.write([increase / (this.plan.rangeMs / 1000), increase, gained / ((this.lastTime - this.previousTime) / 1000)]);
  }

  /** extrapolatedRate of promql/functions.go for counters, before it divides by the range. */
  private extrapolatedIncrease(): number {
    const { rangeMs, isZeroFirst } = this.plan;
    const gained = this.lastValue - this.firstValue + this.resets;
    const sampled = (this.lastTime - this.firstTime) / 1000;
    const average = sampled / (this.count - 1);
    const threshold = average * 1.1;
    const toZero = gained > 0 && this.firstValue >= 0 ? sampled * (this.firstValue / gained) : Number.POSITIVE_INFINITY;
    let toStart = (this.firstTime - (this.endMs - rangeMs)) / 1000;
    let toEnd = (this.endMs - this.lastTime) / 1000;
    if (isZeroFirst && toZero < toStart) toStart = toZero;
    if (toStart >= threshold) toStart = average / 2;
    if (!isZeroFirst && toZero < toStart) toStart = toZero;
    if (toEnd >= threshold) toEnd = average / 2;
    return gained * ((sampled + toStart + toEnd) / sampled);
  }
}
