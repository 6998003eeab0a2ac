import type { ChunkQuestion, Grid } from '../series-windows.js';
import { CounterLane } from './counter-lane.js';
import { countOf, decodeChunk, readFirstTime } from './decode-chunk.js';
import { type Fault, faults } from './faults.js';
import { GaugeLane } from './gauge-lane.js';
import { InstantLane } from './instant-lane.js';
import type { FilledColumns, Kernel } from './kernel.js';
import type { Lane } from './lane.js';
import { type LaneKind, type LanePlan, planLanes } from './plan-lanes.js';
import { mergeSamples, Samples } from './samples.js';

const laneOf: Readonly<Record<LaneKind, new (plan: LanePlan, columns: readonly Float64Array[]) => Lane>> = {
  gauge: GaugeLane,
  counter: CounterLane,
  instant: InstantLane,
};

/** The kernel in plain TypeScript: what the one in WebAssembly is held against, and what runs where that is not to be had. */
export class TwinKernel implements Kernel {
  private readonly lanesOf: readonly (readonly Lane[])[];
  private readonly columnsOf: readonly (readonly Float64Array[])[];
  private lanes: readonly Lane[] = [];
  private columns: readonly Float64Array[] = [];
  private room = Buffer.alloc(0);
  /** Samples that wait for the next chunk: it may overlap them. */
  private held = new Samples();
  private merged = new Samples();
  private readonly overlapping = new Samples();
  private seenTime = Number.NEGATIVE_INFINITY;

  constructor(questions: readonly ChunkQuestion[], grid: Grid) {
    this.columnsOf = questions.map(({ windows }) => windows.map(() => new Float64Array(grid.rows)));
    this.lanesOf = questions.map(({ windows }, i) =>
      planLanes(windows, grid).map((plan) => new laneOf[plan.kind](plan, this.columnsOf[i]!)),
    );
  }

  roomFor(bytes: number): Uint8Array {
    if (this.room.length < bytes) this.room = Buffer.alloc(bytes);
    return this.room.subarray(0, bytes);
  }

  open(question: number): void {
    this.lanes = this.lanesOf[question]!;
    this.columns = this.columnsOf[question]!;
    for (const column of this.columns) column.fill(Number.NaN);
    for (const lane of this.lanes) lane.reset();
    this.held.count = 0;
    this.seenTime = Number.NEGATIVE_INFINITY;
  }

  add(offset: number, length: number): Fault {
    const { room, held } = this;
    if (length < 2) return faults.truncated;
    if (countOf(room, offset) === 0) return faults.none;
    const first = readFirstTime(room, offset, offset + length);
    if (typeof first === 'number') return first;
    if (first.timeMs <= this.seenTime) return faults.order;
    if (held.count > 0 && first.timeMs <= held.lastTime) return this.addOverlapping(first.timeMs, offset, length);
    this.run(held.count);
    return decodeChunk(room, offset, length, held);
  }

  close(): FilledColumns {
    this.run(this.held.count);
    let firstRow = Number.POSITIVE_INFINITY;
    let endRow = 0;
    for (const lane of this.lanes) {
      lane.close();
      firstRow = Math.min(firstRow, lane.firstFilled);
      endRow = Math.max(endRow, lane.endFilled);
    }
    return { values: this.columns, firstRow: Math.min(firstRow, endRow), endRow };
  }

  free(): void {}

  /** What lies before the chunk is final; the rest is merged with it. */
  private addOverlapping(timeMs: number, offset: number, length: number): Fault {
    const { held, merged, overlapping } = this;
    let from = 0;
    while (held.times[from]! < timeMs) from++;
    this.run(from);
    const fault = decodeChunk(this.room, offset, length, overlapping);
    if (fault) return fault;
    if (!mergeSamples(held, from, overlapping, merged)) return faults.overlap;
    this.held = merged;
    this.merged = held;
    return faults.none;
  }

  /** Shows the lanes the first `count` of the held samples. */
  private run(count: number): void {
    if (count === 0) return;
    for (const lane of this.lanes) lane.run(this.held, count);
    this.seenTime = this.held.times[count - 1]!;
  }
}
