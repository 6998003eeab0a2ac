import fc from 'fast-check';
import type { AggregateOperator } from './chunk-shape.js';
import { SeriesTotals } from './series-totals.js';

const operators = ['sum', 'avg', 'min', 'max', 'count'] as const;
const plain: Readonly<Record<AggregateOperator, (values: number[]) => number>> = {
  sum: (values) => values.reduce((a, b) => a + b),
  avg: (values) => values.reduce((a, b) => a + b) / values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  count: (values) => values.length,
};

const shown = (totals: SeriesTotals, operator: AggregateOperator) => {
  let values: number[] = [];
  totals.show(operator, (column) => {
    values = [...column];
  });
  return values;
};

describe('SeriesTotals', () => {
  it('aggregates each row as PromQL does, for any series', () => {
    const value = fc.oneof(
      fc.constant(Number.NaN),
      fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((number) => number + 0),
      fc.constant(0),
    );
    const series = fc.tuple(
      fc.array(value, { minLength: 6, maxLength: 6 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 0, max: 6 }),
    );
    fc.assert(
      fc.property(fc.array(series, { maxLength: 5 }), (all) => {
        const totals = new SeriesTotals(6, operators);
        for (const [values, from, to] of all) totals.add(Float64Array.from(values), from, to);
        const rows = Array.from({ length: 6 }, (_, row) =>
          all.flatMap(([values, from, to]) => (row >= from && row < to && !Number.isNaN(values[row]) ? [values[row]!] : [])),
        );
        for (const operator of operators) {
          expect(shown(totals, operator)).toEqual(rows.map((values) => (values.length ? plain[operator](values) : Number.NaN)));
        }
        // Reused columns must not keep old values.
        totals.release();
        expect(totals.hasValues).toBe(rows.some((values) => values.length > 0));
      }),
    );
  });

  it('keeps infinities', () => {
    const totals = new SeriesTotals(1, ['avg', 'max']);
    totals.add(Float64Array.of(Number.POSITIVE_INFINITY), 0, 1);
    totals.add(Float64Array.of(1), 0, 1);
    expect([shown(totals, 'avg')[0], shown(totals, 'max')[0]]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });
});
