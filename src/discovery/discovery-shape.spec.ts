import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { discoveredKinds, metadataProfileSchema } from '../profiles/metadata-profile.js';
import { readDiscoveryShape } from './discovery-shape.js';
import { planDiscoveryQuery } from './plan-discovery.js';

const file = join(import.meta.dirname, '../../config/metadata-profiles/cluster-metadata-local-monitoring.json');
const shipped = metadataProfileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
const vectorOf = (name: string, rangeMs: number, windowFunction = 'avg_over_time', more: object[] = []) => ({
  matchers: [{ type: '=', name: '__name__', value: name }, ...more],
  windows: { function: windowFunction, rangeMs },
});

describe('readDiscoveryShape', () => {
  it.each(discoveredKinds)('recognises the shipped query for each %s', (kind) => {
    const filter = { include: { namespace: ['a', 'b'], labels: { team: 'red' } } };
    expect(readDiscoveryShape(planDiscoveryQuery(shipped, kind, { filter, lengthMs: 43_200_500 }))).toBeDefined();
  });

  it('reads a sum over windows', () => {
    expect(readDiscoveryShape('sum by (a, b) (max_over_time(x{c!="d"}[1h30m]))')).toEqual({
      groupBy: ['a', 'b'],
      vector: vectorOf('x', 5_400_000, 'max_over_time', [{ type: '!=', name: 'c', value: 'd' }]),
    });
  });

  it.each([
    ['topk by (p, n) (1, count_over_time(y[1d])) > bool 0.5', { isTop: true, above: 0.5 }],
    ['(topk(1, (count_over_time(y[1d]))) by (n, p))', { isTop: true }],
    ['(count_over_time(y[1d]) > bool 2)', { isTop: false, above: 2 }],
    ['count_over_time(y[1d])', { isTop: false }],
  ])('reads a join to %s', (right, choice) => {
    const isCompared = right.endsWith('0.5');
    const query = `(sum((avg_over_time(x[1d]) * on (n, p) group_left (w) ${isCompared ? `(${right})` : right})) by (n))`;
    expect(readDiscoveryShape(query)).toEqual({
      groupBy: ['n'],
      vector: vectorOf('x', 86_400_000),
      join: { on: ['n', 'p'], include: ['w'], side: { vector: vectorOf('y', 86_400_000, 'count_over_time'), ...choice } },
    });
  });

  it.each([
    ['another aggregation', 'max by (a) (avg_over_time(x[1d]))'],
    ['no labels', 'sum(avg_over_time(x[1d]))'],
    ['without', 'sum without (a) (avg_over_time(x[1d]))'],
    ['the name of the metric', 'sum by (__name__) (avg_over_time(x[1d]))'],
    ['a quoted label', 'sum by ("a.b") (avg_over_time(x[1d]))'],
    ['no window', 'sum by (a) (x)'],
    ['another function', 'sum by (a) (rate(x[1d]))'],
    ['a parameter', 'sum by (a) (quantile_over_time(0.5, x[1d]))'],
    ['an offset', 'sum by (a) (avg_over_time(x[1d] offset 1h))'],
    ['an instant', 'sum by (a) (avg_over_time(x[1d] @ 5))'],
    ['a subquery', 'sum by (a) (avg_over_time(x[1d:1h]))'],
    ['several metrics', 'sum by (a) (avg_over_time({__name__=~"x|y"}[1d]))'],
    ['arithmetic', 'sum by (a) (avg_over_time(x[1d]) * 2)'],
    ['another operation', 'sum by (a) (avg_over_time(x[1d]) + on (n) group_left (w) avg_over_time(y[1d]))'],
    ['a join without on', 'sum by (a) (avg_over_time(x[1d]) * ignoring (n) group_left (w) avg_over_time(y[1d]))'],
    ['a join of one to one', 'sum by (a) (avg_over_time(x[1d]) * on (n) avg_over_time(y[1d]))'],
    ['a join to the right', 'sum by (a) (avg_over_time(x[1d]) * on (n) group_right (w) avg_over_time(y[1d]))'],
    ['a comparison that filters', 'sum by (a) (avg_over_time(x[1d]) * on (n) group_left (w) (avg_over_time(y[1d]) > 0))'],
    ['a comparison of the product', 'sum by (a) (avg_over_time(x[1d]) * on (n) group_left (w) avg_over_time(y[1d]) > bool 0)'],
    ['topk of several series', 'sum by (a) (avg_over_time(x[1d]) * on (n) group_left (w) topk by (n) (2, avg_over_time(y[1d])))'],
    ['topk by other labels', 'sum by (a) (avg_over_time(x[1d]) * on (n) group_left (w) topk by (n, p) (1, avg_over_time(y[1d])))'],
    ['no PromQL', 'sum by (a) (avg_over_time(x[1d])'],
  ])('does not recognise %s', (_, query) => expect(readDiscoveryShape(query)).toBeUndefined());
});
