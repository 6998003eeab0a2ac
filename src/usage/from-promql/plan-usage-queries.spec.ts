import { exampleContainer } from '../../../test/examples.js';
import type { Experiment } from '../../experiments/experiment.js';
import { MetricProfiles, readMetricProfile } from '../../profiles/metric-profile.js';
import { parsePromql } from '../../promql/expression.js';
import type { Layer } from '../../recommendation/settings.js';
import { acceleratorQuestions, type UsageQuestion } from '../usage-questions.js';
import {
  activityQuery,
  batchQuery,
  type PlanContext,
  planProbe,
  planUsageQueries,
  substituteQuery,
  type UsagePlan,
} from './plan-usage-queries.js';
import { readQueryShape } from './query-shape.js';

const base = { name: 'n', datasource: 'd', clusterName: 'c', pods: 2 };
const container = (namespace: string, workload: string, name: string): Experiment => ({
  ...base,
  type: 'container',
  namespace,
  workload,
  workloadType: 'deployment',
  container: name,
  image: 'i',
});
const namespace = (name: string): Experiment => ({ ...base, type: 'namespace', namespace: name });

const shard = [container('shop', 'web', 'app'), container('shop', 'web', 'proxy'), container('bank', 'api', 'app')];
const query = 'avg by(container, namespace)(avg_over_time(x{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"}[15m]))';

function batch(text: string, experiments: readonly Experiment[], scope: 'workload' | 'container') {
  const batched = batchQuery(readQueryShape(text, experiments[0]!.type)!, experiments, scope);
  if (batched) expect(parsePromql(batched.query)).toBeDefined();
  return batched;
}

describe('batchQuery', () => {
  it("queries all containers with Kruize's grouping in scope container", () => {
    expect(batch(query, shard, 'container')).toEqual({
      query: 'avg by (container, namespace)(avg_over_time(x{namespace=~"bank|shop", container=~"app|proxy"}[15m]))',
      keyLabels: [
        { label: 'namespace', member: 'namespace' },
        { label: 'container', member: 'container' },
      ],
      samplesPerInstant: 6 * 30,
    });
  });

  it('joins pods to their workloads over the window of the query in scope workload', () => {
    const batched = batch(query, shard, 'workload');
    expect(batched?.query).toBe(
      'avg by (container, namespace, workload, workload_type)((avg_over_time(x{namespace=~"bank|shop", container=~"app|proxy"}[15m]))' +
        ' * on (namespace, pod) group_left (workload, workload_type) group by (namespace, pod, workload, workload_type) (topk by (namespace, pod) (1,' +
        ' count_over_time(namespace_workload_pod:kube_pod_owner:relabel{namespace=~"bank|shop", workload=~"api|web"}[1200s]))))',
    );
    expect(batched?.keyLabels.map(({ label }) => label)).toEqual(['namespace', 'container', 'workload', 'workload_type']);
    expect(batched?.samplesPerInstant).toBe(6 * (30 + 40));
  });

  it('joins an instant selector over the look-back', () => {
    const text = 'avg by (container) (x{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"})';
    expect(batch(text, shard, 'workload')?.query).toContain('[300s]');
  });

  it('joins accelerators by the pod that uses them', () => {
    const text = 'max by (UUID) (x{exported_namespace="$NAMESPACE$", exported_container="$CONTAINER_NAME$"})';
    const batched = batch(text, shard, 'workload')?.query;
    expect(batched).toContain('max by (UUID, exported_namespace, exported_container, workload, workload_type)');
    expect(batched).toContain(
      ' * on (exported_namespace, exported_pod) group_left (workload, workload_type) label_replace(label_replace(group by',
    );
    expect(batched).toContain('"exported_namespace", "$1", "namespace", "(.*)"), "exported_pod", "$1", "pod", "(.*)")');
  });

  it('does not batch by workload if it does not know the label of the pod', () => {
    const text = 'max(x{ns="$NAMESPACE$", c="$CONTAINER_NAME$"})';
    expect(batch(text, shard, 'workload')).toBeUndefined();
    expect(batch(text, shard, 'container')?.query).toBe('max by (ns, c)(x{ns=~"bank|shop", c=~"app|proxy"})');
  });

  it.each(['workload', 'container'] as const)('queries several namespaces at once, without a join, in scope %s', (scope) => {
    const text = 'max_over_time(sum by (namespace) (x{namespace="$NAMESPACE$", pod!=""})[15m:])';
    expect(batch(text, [namespace('a'), namespace('b')], scope)?.query).toBe(
      'max_over_time(sum by (namespace) (x{namespace=~"a|b", pod!=""})[15m:])',
    );
  });

  it('extends every grouping and joins inside the innermost', () => {
    const text = 'max(sum by (pod) (x{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"}))';
    expect(batch(text, shard, 'workload')?.query).toMatch(
      /^max by \(namespace, container, workload, workload_type\)\(sum by \(pod, namespace, container, workload, workload_type\) \(\(x\{[^}]*\}\) \* on/,
    );
  });
});

const shipped = new MetricProfiles({}).find('resource-optimization-local-monitoring')!.variables.get('maxDate')!.queries.max!;

describe('activityQuery', () => {
  it('queries the largest sample instead of every minute of 15 days', () => {
    expect(activityQuery(shipped)).toBe(
      'max(max_over_time(container_cpu_usage_seconds_total{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"}[15d])) > 0',
    );
  });

  it.each([
    ['another comparison', 'max(last_over_time((timestamp(x{n="$NAMESPACE$"} > 1))[15d:]))'],
    ['no comparison', 'max(timestamp(x{n="$NAMESPACE$"}))'],
    ['another window', 'max(last_over_time((timestamp(x{n="$NAMESPACE$"} > 0))[1d:]))'],
    ['two selectors', 'max(last_over_time((timestamp(x > 0))[15d:])) + max(y)'],
  ])('keeps a query with %s unchanged', (_, query) => expect(activityQuery(query)).toBe(query));
});

const experiment = exampleContainer({ namespace: 'a"b', workload: 'w.1', container: "it's `c`" });

describe('substituteQuery', () => {
  it.each([
    ['x{n="$NAMESPACE$"}', 'x{n="a\\"b"}'],
    ["x{n='$NAMESPACE$', c='$CONTAINER_NAME$'}", "x{n='a\"b', c='it\\'s `c`'}"],
    ['x{c=`$CONTAINER_NAME$`}', 'x{c="it\'s `c`"}'],
    ['x{p=~"$WORKLOAD$-.*"}', 'x{p=~"w\\\\.1-.*"}'],
    ['x{p!~`$WORKLOAD$\\d`}', 'x{p!~"w\\\\.1\\\\d"}'],
    ['x{p="$WORKLOAD$/$WORKLOAD_TYPE$"}', 'x{p="w.1/deployment"}'],
    ['x{p="\\$NAMESPACE"} > 0', 'x{p="\\$NAMESPACE"} > 0'],
    ['sum(x{n="plain"})', 'sum(x{n="plain"})'],
  ])('inserts values into %s, escaped for their position', (query, substituted) => {
    expect(substituteQuery(query, experiment)).toBe(substituted);
  });
});

const baseOfPlanUsageQueries = { name: 'n', datasource: 'd', clusterName: 'c', pods: 1 };
const containers: Experiment[] = ['app', 'proxy'].map((container) => ({
  ...baseOfPlanUsageQueries,
  type: 'container',
  namespace: 'shop',
  workload: 'web',
  workloadType: 'deployment',
  container,
  image: 'i',
}));
const namespaceOfPlanUsageQueries: Experiment = { ...baseOfPlanUsageQueries, type: 'namespace', namespace: 'shop' };
const profile = new MetricProfiles({}).find('resource-optimization-local-monitoring')!;
const context: PlanContext = { profile, scope: 'workload', stepSeconds: 900 };

const ownProfile = (query: string) =>
  readMetricProfile(
    {
      metadata: { name: 'own' },
      slo: { function_variables: [{ name: 'cpuUsage', aggregation_functions: [{ function: 'max', query }] }] },
    },
    'own.json',
  );

/** Merges the plans of all questions. */
const planAll = (...args: Parameters<typeof planUsageQueries>): UsagePlan => {
  const plans = planUsageQueries(...args);
  return { queries: plans.flatMap(({ queries }) => queries), unbatched: plans.flatMap(({ unbatched }) => unbatched) };
};

describe('planUsageQueries', () => {
  it.each([
    ['containers', containers, 20],
    ['a namespace', [namespaceOfPlanUsageQueries], 16],
    ['both', [...containers, namespaceOfPlanUsageQueries], 36],
    ['nothing', [], 0],
  ] as const)('plans one query per column of %s, whatever the number of experiments', (_, experiments, count) => {
    const plan = planAll(experiments, context);
    expect(plan.queries).toHaveLength(count);
    expect(plan.unbatched).toEqual([]);
  });

  it('leaves no placeholder', () => {
    for (const { query } of planAll([...containers, namespaceOfPlanUsageQueries], context).queries) expect(query).not.toMatch(/\$[A-Z]/);
  });

  it.each([
    [900, '[15m]'],
    [3600, '[60m]'],
    [150, '[150s]'],
  ])('writes windows of %d s as %s', (stepSeconds, range) => {
    const { queries } = planAll(containers, { ...context, stepSeconds });
    expect(queries.find(({ question }) => question.column === 'cpuUsage.avg')!.query).toContain(range);
  });

  it('keeps the index of each experiment in the request', () => {
    const { queries } = planAll([namespaceOfPlanUsageQueries, ...containers], context);
    const indexesOf = (column: string) => queries.find(({ question }) => question.column === column)!.experiments.map(({ index }) => index);
    expect(indexesOf('cpuUsage.max')).toEqual([1, 2]);
    expect(indexesOf('namespaceCpuUsage.max')).toEqual([0]);
  });

  it('plans a query of unknown shape for each experiment', () => {
    const own = ownProfile('max(x{namespace="$NAMESPACE$", container="$CONTAINER_NAME$", pod=~"$WORKLOAD$-.*"})');
    const plan = planAll(containers, { ...context, profile: own });
    expect(plan.queries.map(({ query }) => query)).toEqual([
      'max(x{namespace="shop", container="app", pod=~"web-.*"})',
      'max(x{namespace="shop", container="proxy", pod=~"web-.*"})',
    ]);
    expect(plan.queries.map(({ keyLabels }) => keyLabels)).toEqual([[], []]);
    expect(plan.unbatched).toEqual([expect.objectContaining({ variable: 'cpuUsage', function: 'max' })]);
  });

  it('plans only queries that the profile has', () => {
    const own = ownProfile('max(x{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"})');
    expect(planAll([...containers, namespaceOfPlanUsageQueries], { ...context, profile: own }).queries).toHaveLength(1);
  });
});

const webApp: Experiment = {
  ...{ type: 'container', name: 'n', datasource: 'd', clusterName: 'c', pods: 1, image: 'i' },
  ...{ namespace: 'shop', workload: 'web', workloadType: 'deployment', container: 'app' },
};
const placed = [{ experiment: webApp, index: 0 }];
const jvm: UsageQuestion = { variable: 'jvmInfo', function: 'sum' };

/** The shipped profile with other required layers, or another query, for jvmInfo. */
function withJvm(over: { layersRequired?: readonly Layer[]; queries?: Record<string, string> }): PlanContext {
  const { layersRequired: _, ...variable } = profile.variables.get('jvmInfo')!;
  return {
    ...context,
    profile: { ...profile, variables: new Map(profile.variables).set('jvmInfo', { ...variable, ...over }) },
  };
}

it.each([
  ['accelerators', acceleratorQuestions.memory],
  ['variables that require layers', jvm],
])('probes %s without joining pods to workloads', (_, question) => {
  expect(planProbe(question, placed, context).map(({ query }) => query)).toEqual([expect.not.stringContaining('kube_pod_owner')]);
});

it.each<[string, UsageQuestion, PlanContext]>([
  ['a variable of every container', { variable: 'cpuUsage', function: 'avg', column: 'cpuUsage.avg' }, context],
  ['a question that is not joined', jvm, { ...context, scope: 'container' }],
  ['a variable that requires no layer', jvm, withJvm({})],
  ['a variable that requires the layer of all containers', jvm, withJvm({ layersRequired: ['container'] })],
  [
    'a query that is sent per container',
    jvm,
    withJvm({
      layersRequired: ['hotspot'],
      queries: { sum: 'sum without (pod) (j{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"})' },
    }),
  ],
  ['a query that the profile does not have', jvm, withJvm({ layersRequired: ['hotspot'], queries: {} })],
])('plans no probe for %s', (_, question, planContext) => {
  expect(planProbe(question, placed, planContext)).toEqual([]);
});
