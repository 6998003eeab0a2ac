import type { AggregateOperator } from '../plan/chunk-shape.js';

/** Aggregates the values of series row by row as they come; only what the operators need is kept. NaN = no value. */
export class SeriesTotals {
  private readonly sums?: Float64Array;
  private readonly counts?: Float64Array;
  private readonly smallest?: Float64Array;
  private readonly largest?: Float64Array;
  /** Whether any series had any value. */
  hasValues = false;

  constructor(
    private readonly rows: number,
    operators: ReadonlySet<AggregateOperator>,
  ) {
    const column = () => new Float64Array(rows).fill(Number.NaN);
    if (operators.has('sum') || operators.has('avg')) this.sums = column();
    if (operators.has('count') || this.sums) this.counts = new Float64Array(rows);
    if (operators.has('min')) this.smallest = column();
    if (operators.has('max')) this.largest = column();
  }

  /** Adds one series' values of the rows `from` up to, not including, `to`. */
  add(values: Float64Array, from: number, to: number): void {
    if (this.counts) this.addSums(this.counts, values, from, to);
    if (this.smallest) addSmallest(this.smallest, values, from, to);
    if (this.largest) addLargest(this.largest, values, from, to);
    for (let row = from; row < to && !this.hasValues; row++) this.hasValues = !Number.isNaN(values[row]);
  }

  /** One value a row. An array of its own, except for `sum`, `min` and `max`: read it at once. */
  valuesOf(operator: AggregateOperator): Float64Array {
    const { sums, counts } = this;
    if (operator === 'min') return this.smallest!;
    if (operator === 'max') return this.largest!;
    if (operator === 'sum') return sums!;
    const values = new Float64Array(this.rows);
    for (let row = 0; row < this.rows; row++) values[row] = operator === 'avg' ? sums![row]! / counts![row]! : counts![row] || Number.NaN;
    return values;
  }

  private addSums(counts: Float64Array, values: Float64Array, from: number, to: number): void {
    const { sums } = this;
    for (let row = from; row < to; row++) {
      const value = values[row]!;
      if (Number.isNaN(value)) continue;
      if (sums) sums[row] = counts[row] === 0 ? value : sums[row]! + value;
      counts[row]!++;
    }
  }
}

function addSmallest(smallest: Float64Array, values: Float64Array, from: number, to: number): void {
  for (let row = from; row < to; row++) if (!(smallest[row]! <= values[row]!) && !Number.isNaN(values[row])) smallest[row] = values[row]!;
}

function addLargest(largest: Float64Array, values: Float64Array, from: number, to: number): void {
  for (let row = from; row < to; row++) if (!(largest[row]! >= values[row]!) && !Number.isNaN(values[row])) largest[row] = values[row]!;
}
