import { Lane } from './lane.js';
import type { Samples } from './samples.js';

/** A bare selector: at each instant the latest sample within the look-back. A stale marker is a NaN, which is how no value is written. */
export class InstantLane extends Lane {
  private latestTime = Number.NEGATIVE_INFINITY;
  private latestValue = Number.NaN;

  override reset(): void {
    super.reset();
    this.latestTime = Number.NEGATIVE_INFINITY;
  }

  run({ times, values }: Samples, count: number): void {
    for (let i = 0; i < count; i++) {
      const time = times[i]!;
      if (time > this.endMs) this.passInstants(time);
      if (this.isOver) return;
      this.latestTime = time;
      this.latestValue = values[i]!;
    }
  }

  close(): void {
    this.passInstants(Number.POSITIVE_INFINITY);
  }

  /** Answers the instants before `timeMs` with what was seen last. */
  private passInstants(timeMs: number): void {
    while (!this.isOver && this.endMs < timeMs) {
      if (this.latestTime >= this.endMs - this.plan.widthMs) this.write([this.latestValue]);
      this.skip(1);
    }
  }
}
