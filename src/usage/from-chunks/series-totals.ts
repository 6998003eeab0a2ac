import { giveColumn, takeColumn } from '../columns.js';
import type { AggregateOperator } from './chunk-shape.js';

/** What is kept for each operator, beside how many values each row has. */
const laneOf = { sum: 'sum', avg: 'sum', count: 'sum', min: 'min', max: 'max' } as const satisfies Record<AggregateOperator, string>;
type Lane = (typeof laneOf)[AggregateOperator];

/** Adds the values of rows `from` up to, not including, `to` to a lane; NaN = no value, in every lane. */
type Adder = (lane: Float64Array, values: Float64Array, from: number, to: number) => void;

const adders: Readonly<Record<Lane, Adder>> = {
  sum: (lane, values, from, to) => {
    for (let row = from; row < to; row++) {
      const value = values[row]!;
      const sum = lane[row]!;
      if (!Number.isNaN(value)) lane[row] = Number.isNaN(sum) ? value : sum + value;
    }
  },
  min: (lane, values, from, to) => {
    for (let row = from; row < to; row++) {
      const value = values[row]!;
      if (!Number.isNaN(value) && !(lane[row]! <= value)) lane[row] = value;
    }
  },
  max: (lane, values, from, to) => {
    for (let row = from; row < to; row++) {
      const value = values[row]!;
      if (!Number.isNaN(value) && !(lane[row]! >= value)) lane[row] = value;
    }
  },
};

/**
 * Aggregates the values of series row by row as they come; only what the operators need is kept. NaN = no value. Most containers have one pod at a time,
 * so the first series is only copied, and values are counted from the second on.
 */
export class SeriesTotals {
  private readonly lanes: Partial<Record<Lane, Float64Array>> = {};
  /** How many values each row has; absent as long as none has two. */
  private counts: Float64Array | undefined;
  private isEmpty = true;
  /** Whether any series had any value. */
  hasValues = false;

  constructor(
    private readonly rows: number,
    operators: Iterable<AggregateOperator>,
  ) {
    for (const operator of operators) this.lanes[laneOf[operator]] ??= takeColumn(rows).fill(Number.NaN);
  }

  /** Whether no row has more than one value: then sum, average, smallest and largest are the same. */
  get isOneSeries(): boolean {
    return this.isEmpty || (this.lanes.sum !== undefined && !this.counts?.some((count) => count > 1));
  }

  /** Adds one series' values of the rows `from` up to, not including, `to`. */
  add(values: Float64Array, from: number, to: number): void {
    if (from >= to) return;
    if (this.isEmpty) {
      for (const lane of Object.values(this.lanes)) lane.set(values.subarray(from, to), from);
    } else {
      if (this.lanes.sum) this.count(this.lanes.sum, values, from, to);
      for (const lane in this.lanes) adders[lane as Lane](this.lanes[lane as Lane]!, values, from, to);
    }
    this.isEmpty = false;
    for (let row = from; row < to && !this.hasValues; row++) this.hasValues = !Number.isNaN(values[row]);
  }

  /** Shows one value a row to `read`, which must not keep the column. */
  show(operator: AggregateOperator, read: (values: Float64Array) => void): void {
    const { counts } = this;
    const lane = this.lanes[laneOf[operator]]!;
    if (operator === 'avg' && counts) this.showMade((made) => divide(lane, counts, made), read);
    else if (operator === 'count') this.showMade((made) => (counts ? nanForZero(counts, made) : oneEach(lane, made)), read);
    else read(lane);
  }

  /** Gives the memory back: nothing may be asked any more. */
  release(): void {
    for (const lane of Object.values(this.lanes)) giveColumn(lane);
    if (this.counts) giveColumn(this.counts);
  }

  /** Counts the values that are about to be added to `sums`. */
  private count(sums: Float64Array, values: Float64Array, from: number, to: number): void {
    this.counts ??= this.countOne(sums);
    for (let row = from; row < to; row++) if (!Number.isNaN(values[row])) this.counts[row]!++;
  }

  private countOne(sums: Float64Array): Float64Array {
    const counts = takeColumn(this.rows);
    for (let row = 0; row < this.rows; row++) counts[row] = Number.isNaN(sums[row]) ? 0 : 1;
    return counts;
  }

  private showMade(fill: (made: Float64Array) => void, read: (values: Float64Array) => void): void {
    const made = takeColumn(this.rows);
    fill(made);
    read(made);
    giveColumn(made);
  }
}

function divide(sums: Float64Array, counts: Float64Array, made: Float64Array): void {
  for (let row = 0; row < made.length; row++) made[row] = sums[row]! / counts[row]!;
}

function nanForZero(counts: Float64Array, made: Float64Array): void {
  for (let row = 0; row < made.length; row++) made[row] = counts[row]! || Number.NaN;
}

/** The count of each row where none has two values. */
function oneEach(values: Float64Array, made: Float64Array): void {
  for (let row = 0; row < made.length; row++) made[row] = Number.isNaN(values[row]) ? Number.NaN : 1;
}
