import { type MetricProfile, MetricProfiles } from '../../profiles/metric-profile.js';
import { replaceDuration } from '../../profiles/placeholders.js';
import { readSettings } from '../../settings/read-settings.js';
import { acceleratorQuestions, usageQuestions } from '../usage-questions.js';
import { hasOneSeries, readQueryShape } from './query-shape.js';

const both = 'namespace="$NAMESPACE$", container="$CONTAINER_NAME$"';
const shipped = new MetricProfiles({}).find('resource-optimization-local-monitoring')!;
const shippedQuestions = [
  ...usageQuestions.container.map((question) => ['container', question] as const),
  ...usageQuestions.namespace.map((question) => ['namespace', question] as const),
  ...Object.values(acceleratorQuestions).map((question) => ['container', question] as const),
];

describe('readQueryShape', () => {
  it.each(shippedQuestions.map(([type, question]) => [question.variable, question.function, type] as const))(
    'reads the shape of the shipped %s.%s',
    (variable, name, type) => {
      const query = shipped.variables.get(variable)!.queries[name]!;
      expect(readQueryShape(replaceDuration(query, 900), type)).toBeDefined();
    },
  );

  it.each([
    ['a grouping that must be added', `max(rate(x{${both}}[5m]))`],
    ['a grouping after the operand', `max(rate(x{${both}}[5m])) by (pod)`],
    ['nested aggregations', `max by (container) (sum by (pod) (x{${both}}))`],
    ['no aggregation', `rate(x{${both}}[5m])`],
    ['a subquery', `avg(avg_over_time(rate(x{${both}}[5m])[15m:1m]))`],
    ['arithmetic with a number', `max(100 * x{${both}}) / 1024 > 0`],
    ['a parameter', `quantile by (container) (0.9, quantile_over_time(0.5, x{${both}}[5m]))`],
    ['other label names', 'max(x{ns="$NAMESPACE$", c="$CONTAINER_NAME$"})'],
    ['raw and single quotes', "max(x{ns=`$NAMESPACE$`, c='$CONTAINER_NAME$'})"],
  ])('reads a shape with %s', (_, query) => expect(readQueryShape(query, 'container')).toBeDefined());

  it.each([
    ['a syntax fault', `max(x{${both}}`],
    ['a selector without the placeholders', `max(x{${both}} > 0) / max(y)`],
    ['a selector with only the namespace', 'max(x{namespace="$NAMESPACE$"})'],
    ['a regular expression around a placeholder', `max(x{${both}, pod=~"$WORKLOAD$-.*"})`],
    ['an unknown placeholder', `max(x{${both}, id="$UUID$"})`],
    ['inequality', 'max(x{namespace!="$NAMESPACE$", container="$CONTAINER_NAME$"})'],
    ['two vectors', `max(x{${both}} / on (pod) y{${both}})`],
    ['without', `max without (pod) (x{${both}})`],
    ['a function that changes labels', `max(label_replace(x{${both}}, "namespace", "y", "pod", ".*"))`],
    ['a function that drops labels', `vector(scalar(x{${both}}))`],
    ['an offset', `max(x{${both}} offset 5m)`],
    ['a fixed time', `max(x{${both}} @ 0)`],
    ['several names for one field', 'max(x{a="$NAMESPACE$", b="$NAMESPACE$", c="$CONTAINER_NAME$"})'],
  ])('does not batch a query with %s', (_, query) => expect(readQueryShape(query, 'container')).toBeUndefined());

  it.each([
    ['an instant', `max(x{${both}})`, 0, 1],
    ['a range', `max(avg_over_time(x{${both}}[15m]))`, 900, 30],
    ['a range in seconds', `max(avg_over_time(x{${both}}[90s]))`, 90, 3],
    ['a compound range', `max(avg_over_time(x{${both}}[1h30m]))`, 5400, 180],
    ['a subquery', `max(avg_over_time(rate(x{${both}}[5m])[15m:]))`, 1200, 150],
  ])('reads how far %s looks back and what it costs', (_, query, reachSeconds, samplesPerInstant) => {
    const shape = readQueryShape(query, 'container');
    expect(shape?.podExpressions).toEqual([expect.objectContaining({ reachSeconds })]);
    expect(shape?.samplesPerInstant).toBe(samplesPerInstant);
  });
});

const shippedProfiles = new MetricProfiles(readSettings({}));
const matchers = 'namespace="$NAMESPACE$", container="$CONTAINER_NAME$"';
const profileOf = (variable: string, query: string): MetricProfile => ({
  name: 'p',
  variables: new Map([[variable, { name: variable, kubernetesObject: 'container', queries: { avg: query, sum: query } }]]),
});

describe('hasOneSeries', () => {
  it.each(['resource-optimization-local-monitoring', 'resource-optimization-local-monitoring-norecordingrules'])('holds for %s', (name) => {
    expect(hasOneSeries(shippedProfiles.find(name)!, 900)).toBe(true);
    expect(hasOneSeries(shippedProfiles.find(name)!, 120)).toBe(true);
  });

  it.each([
    ['one value for all pods', 'cpuUsage', `avg(rate(x{${matchers}}[5m]))`, true],
    ['a sum over pods inside', 'cpuUsage', `max_over_time(sum by (namespace) (x{${matchers}})[15m:1m])`, true],
    ['series by a label of the JVM', 'jvmInfo', `sum by (version) (jvm_info{${matchers}})`, true],
    ['a value for each pod', 'cpuUsage', `avg by (pod) (rate(x{${matchers}}[5m]))`, false],
    ['a value for each series', 'cpuUsage', `rate(x{${matchers}}[5m])`, false],
    ['the largest series', 'cpuUsage', `topk(1, x{${matchers}})`, false],
    ['a query of unknown shape', 'cpuUsage', `avg(x{${matchers}} / y)`, false],
  ])('of %s', (_, variable, query, expected) => {
    expect(hasOneSeries(profileOf(variable, query), 900)).toBe(expected);
  });
});
