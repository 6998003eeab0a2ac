import { MetricProfiles } from '../../profiles/metric-profile.js';
import { replaceDuration } from '../../profiles/placeholders.js';
import { usageQuestions } from '../usage-questions.js';
import { reachMs, readChunkShape } from './chunk-shape.js';

const both = 'namespace="$NAMESPACE$", container="$CONTAINER_NAME$"';
const profiles = new MetricProfiles({});
const shippedQuestions = ['resource-optimization-local-monitoring', 'resource-optimization-local-monitoring-norecordingrules'].flatMap(
  (profile) =>
    (['container', 'namespace'] as const).flatMap((type) => usageQuestions[type].map((question) => [profile, type, question] as const)),
);

describe('readChunkShape', () => {
  it.each(shippedQuestions.map(([profile, type, question]) => [profile, question.variable, question.function, type] as const))(
    'reads the shape of the shipped %s %s.%s',
    (profile, variable, name, type) => {
      const query = profiles.find(profile)!.variables.get(variable)!.queries[name]!;
      expect(readChunkShape(replaceDuration(query, 900), type)).toMatchObject({ namespaceLabel: 'namespace' });
    },
  );

  it('reads selector, window and aggregation', () => {
    expect(readChunkShape(`avg by (container, namespace) (rate(x{a!="", ${both}, b=~"p|q"}[15m]))`, 'container')).toEqual({
      matchers: [
        { type: '=', name: '__name__', value: 'x' },
        { type: '!=', name: 'a', value: '' },
        { type: '=~', name: 'b', value: 'p|q' },
      ],
      namespaceLabel: 'namespace',
      containerLabel: 'container',
      windows: { function: 'rate', rangeMs: 900_000 },
      operator: 'avg',
      groupBy: ['container', 'namespace'],
    });
  });

  it.each([
    ['a bare selector', `sum(x{${both}})`, { windows: { function: 'instant', rangeMs: 300_000 } }, 0],
    ['labels after the operand', `max(max_over_time(x{${both}}[1h30m])) by (pod)`, { groupBy: ['pod'] }, 5_400_000],
    [
      'a subquery of each series',
      `max(max_over_time(rate(x{${both}}[5m])[15m:30s]))`,
      { perSeries: { function: 'max_over_time', rangeMs: 900_000, stepMs: 30_000 }, windows: { function: 'rate', rangeMs: 300_000 } },
      1_200_000,
    ],
    [
      'a subquery over the aggregate',
      `min_over_time(sum((x{${both}}))[15m:])`,
      { afterwards: { function: 'min_over_time', rangeMs: 900_000 }, windows: { function: 'instant', rangeMs: 300_000 } },
      0,
    ],
    [
      'escapes and raw strings',
      `sum(x{${both}, a=~"x\\\\.y", b=\`\\d\`})`,
      {
        matchers: expect.arrayContaining([
          { type: '=~', name: 'a', value: 'x\\.y' },
          { type: '=', name: 'b', value: '\\d' },
        ]),
      },
      0,
    ],
    [
      'other labels',
      'max(x{exported_namespace="$NAMESPACE$", c="$CONTAINER_NAME$"})',
      { namespaceLabel: 'exported_namespace', containerLabel: 'c' },
      0,
    ],
  ])('reads %s', (_, query, expected, reach) => {
    const shape = readChunkShape(query, 'container');
    expect(shape).toMatchObject(expected);
    expect('reason' in shape ? shape.reason : reachMs(shape)).toBe(reach);
  });

  it.each([
    ['is not PromQL', `sum(x{${both}}`],
    ['is not an aggregation by labels', `rate(x{${both}}[5m])`],
    ['is not an aggregation by labels', `sum(x{${both}}) / 2`],
    ['aggregates without labels', `sum without (pod) (x{${both}})`],
    ['aggregates with quantile', `quantile(0.9, x{${both}})`],
    ['aggregates with topk', `topk(1, x{${both}})`],
    ['has the function stddev_over_time', `max(stddev_over_time(x{${both}}[5m]))`],
    ['has BinaryExpr instead of series', `max(x{${both}} * 2)`],
    ['has OffsetExpr instead of series', `max(x{${both}} offset 5m)`],
    ['has FunctionCall instead of series', `max(quantile_over_time(0.5, x{${both}}[5m]))`],
    ['has nested subqueries', `max_over_time(sum(max_over_time(x{${both}}[5m:]))[15m:])`],
    ['does not select namespace="$NAMESPACE$"', 'sum(x{container="$CONTAINER_NAME$"})'],
    ['does not select container="$CONTAINER_NAME$"', 'sum(x{namespace="$NAMESPACE$"})'],
    ['has an unknown placeholder in id="$UUID$"', `sum(x{${both}, id="$UUID$"})`],
    ['has an unknown placeholder in pod=~"$WORKLOAD$-.*"', `sum(x{${both}, pod=~"$WORKLOAD$-.*"})`],
    ['cannot read the matcher "a.b"="c"', `sum({__name__="x", ${both}, "a.b"="c"})`],
  ])('reports that a query %s: %s', (reason, query) => expect(readChunkShape(query, 'container')).toEqual({ reason }));
});
