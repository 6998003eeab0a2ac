import { Lane } from './lane.js';
import type { Samples } from './samples.js';

/** A lane of windows that look at all samples of a range; stale markers are none of them. */
export abstract class RangeLane extends Lane {
  protected count = 0;
  protected lastTime = 0;
  protected lastValue = 0;

  override reset(): void {
    super.reset();
    this.empty();
  }

  run({ times, values, stale }: Samples, count: number): void {
    const { widthMs } = this.plan;
    for (let i = 0; i < count; i++) {
      if (stale[i] === 1) continue;
      const time = times[i]!;
      if (time > this.endMs) this.turnTo(time);
      if (this.isOver) return;
      if (time >= this.endMs - widthMs) this.take(time, values[i]!);
    }
  }

  close(): void {
    if (!this.isOver) this.turnTo(Number.POSITIVE_INFINITY);
  }

  /** Adds a sample to the window. */
  protected abstract take(timeMs: number, value: number): void;
  /** Writes the window's results, where it has any. */
  protected abstract finish(): void;

  /** Forgets the window's samples. */
  protected empty(): void {
    this.count = 0;
  }

  /** Writes the window and goes on to the one that `timeMs` is in, or the next of the lane after it. */
  private turnTo(timeMs: number): void {
    this.finish();
    const isCarried = this.plan.isShared && this.count > 0 && this.lastTime === this.endMs;
    this.empty();
    this.skip(1);
    if (isCarried && !this.isOver) {
      this.take(this.lastTime, this.lastValue);
      if (timeMs <= this.endMs) return;
      this.finish();
      this.empty();
    }
    this.skipTo(timeMs);
  }
}
