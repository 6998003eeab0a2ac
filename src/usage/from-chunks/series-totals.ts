import { giveColumn, takeColumn } from '../table-draft.js';
import type { AggregateOperator } from './chunk-shape.js';

/** The lane that each operator needs, besides the counts. */
const laneOf = { sum: 'sum', avg: 'sum', count: 'sum', min: 'min', max: 'max' } as const satisfies Record<AggregateOperator, string>;
type Lane = (typeof laneOf)[AggregateOperator];

/** Adds the values of the rows from `from` to before `to` to a lane. NaN = no value. */
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
 * Aggregates the values of series row by row. Keeps only what the operators need. NaN = no value. Most containers have one pod at a time,
 * so the first series is only copied, and counting starts with the second.
 */
export class SeriesTotals {
  private readonly lanes: Partial<Record<Lane, Float64Array>> = {};
  /** Number of values per row; absent until a second series arrives. */
  private counts: Float64Array | undefined;
  private isEmpty = true;
  /** Whether any series had a value. */
  hasValues = false;

  constructor(
    private readonly rows: number,
    operators: Iterable<AggregateOperator>,
  ) {
    for (const operator of operators) this.lanes[laneOf[operator]] ??= takeColumn(rows).fill(Number.NaN);
  }

  /** Whether no row has more than one value, so that sum, average, minimum and maximum are equal. */
  get isOneSeries(): boolean {
    return this.isEmpty || (this.lanes.sum !== undefined && !this.counts?.some((count) => count > 1));
  }

  /** Adds the values of one series in the rows from `from` to before `to`. */
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

  /** Passes a column with one value per row to `read`, which must not keep it. */
  show(operator: AggregateOperator, read: (values: Float64Array) => void): void {
    const { counts } = this;
    const lane = this.lanes[laneOf[operator]]!;
    if (operator === 'avg' && counts) this.showComputed((computed) => divide(lane, counts, computed), read);
    else if (operator === 'count') this.showComputed((computed) => (counts ? nanForZero(counts, computed) : oneEach(lane, computed)), read);
    else read(lane);
  }

  /** Returns the columns for reuse. Do not use the totals afterwards. */
  release(): void {
    for (const lane of Object.values(this.lanes)) giveColumn(lane);
    if (this.counts) giveColumn(this.counts);
  }

  /** Counts the values; call it before they are added to `sums`. */
  private count(sums: Float64Array, values: Float64Array, from: number, to: number): void {
    this.counts ??= this.countOne(sums);
    for (let row = from; row < to; row++) if (!Number.isNaN(values[row])) this.counts[row]!++;
  }

  private countOne(sums: Float64Array): Float64Array {
    const counts = takeColumn(this.rows);
    for (let row = 0; row < this.rows; row++) counts[row] = Number.isNaN(sums[row]) ? 0 : 1;
    return counts;
  }

  private showComputed(fill: (computed: Float64Array) => void, read: (values: Float64Array) => void): void {
    const computed = takeColumn(this.rows);
    fill(computed);
    read(computed);
    giveColumn(computed);
  }
}

function divide(sums: Float64Array, counts: Float64Array, computed: Float64Array): void {
  for (let row = 0; row < computed.length; row++) computed[row] = sums[row]! / counts[row]!;
}

function nanForZero(counts: Float64Array, computed: Float64Array): void {
  for (let row = 0; row < computed.length; row++) computed[row] = counts[row]! || Number.NaN;
}

/** The counts if no row has two values. */
function oneEach(values: Float64Array, computed: Float64Array): void {
  for (let row = 0; row < computed.length; row++) computed[row] = Number.isNaN(values[row]) ? Number.NaN : 1;
}
