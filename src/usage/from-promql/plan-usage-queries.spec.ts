import type { Experiment } from '../../experiments/experiment.js';
import { MetricProfiles, readMetricProfile } from '../../profiles/metric-profile.js';
import type { Layer } from '../../recommendation/settings.js';
import { acceleratorQuestions, type UsageQuestion } from '../usage-questions.js';
import { activityQuery, type PlanContext, planProbe, planUsageQueries, substituteQuery, type UsagePlan } from './plan-usage-queries.js';

const shipped = new MetricProfiles({}).find('resource-optimization-local-monitoring')!.variables.get('maxDate')!.queries.max!;

describe('activityQuery', () => {
  it('asks for the largest sample instead of every minute of 15 days', () => {
    expect(activityQuery(shipped)).toBe(
      'max(max_over_time(container_cpu_usage_seconds_total{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"}[15d])) > 0',
    );
  });

  it.each([
    ['another comparison', 'max(last_over_time((timestamp(x{n="$NAMESPACE$"} > 1))[15d:]))'],
    ['no comparison', 'max(timestamp(x{n="$NAMESPACE$"}))'],
    ['another window', 'max(last_over_time((timestamp(x{n="$NAMESPACE$"} > 0))[1d:]))'],
    ['two selectors', 'max(last_over_time((timestamp(x > 0))[15d:])) + max(y)'],
  ])('asks a query with %s as it is', (_, query) => expect(activityQuery(query)).toBe(query));
});

const experiment: Experiment = {
  type: 'container',
  name: 'n',
  datasource: 'd',
  clusterName: 'c',
  pods: 1,
  namespace: 'a"b',
  workload: 'w.1',
  workloadType: 'deployment',
  container: "it's `c`",
  image: 'i',
};

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
  ])('puts values into %s, escaped for where they stand', (query, substituted) => {
    expect(substituteQuery(query, experiment)).toBe(substituted);
  });
});

const base = { name: 'n', datasource: 'd', clusterName: 'c', pods: 1 };
const containers: Experiment[] = ['app', 'proxy'].map((container) => ({
  ...base,
  type: 'container',
  namespace: 'shop',
  workload: 'web',
  workloadType: 'deployment',
  container,
  image: 'i',
}));
const namespace: Experiment = { ...base, type: 'namespace', namespace: 'shop' };
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

/** All questions' plans as one. */
const planAll = (...given: Parameters<typeof planUsageQueries>): UsagePlan => {
  const plans = planUsageQueries(...given);
  return { queries: plans.flatMap(({ queries }) => queries), unbatched: plans.flatMap(({ unbatched }) => unbatched) };
};

describe('planUsageQueries', () => {
  it.each([
    ['containers', containers, 20],
    ['a namespace', [namespace], 16],
    ['both', [...containers, namespace], 36],
    ['nothing', [], 0],
  ] as const)('asks as many queries as the engine reads columns of %s, whatever their number', (_, experiments, count) => {
    const plan = planAll(experiments, context);
    expect(plan.queries).toHaveLength(count);
    expect(plan.unbatched).toEqual([]);
  });

  it('leaves no placeholder', () => {
    for (const { query } of planAll([...containers, namespace], context).queries) expect(query).not.toMatch(/\$[A-Z]/);
  });

  it.each([
    [900, '[15m]'],
    [3600, '[60m]'],
    [150, '[150s]'],
  ])('asks windows of %d s as %s', (stepSeconds, range) => {
    const { queries } = planAll(containers, { ...context, stepSeconds });
    expect(queries.find(({ question }) => question.column === 'cpuUsage.avg')!.query).toContain(range);
  });

  it('remembers the place of each experiment in the request', () => {
    const { queries } = planAll([namespace, ...containers], context);
    const places = (column: string) => queries.find(({ question }) => question.column === column)!.experiments.map(({ index }) => index);
    expect(places('cpuUsage.max')).toEqual([1, 2]);
    expect(places('namespaceCpuUsage.max')).toEqual([0]);
  });

  it('asks a query of unknown shape once for each experiment', () => {
    const own = ownProfile('max(x{namespace="$NAMESPACE$", container="$CONTAINER_NAME$", pod=~"$WORKLOAD$-.*"})');
    const plan = planAll(containers, { ...context, profile: own });
    expect(plan.queries.map(({ query }) => query)).toEqual([
      'max(x{namespace="shop", container="app", pod=~"web-.*"})',
      'max(x{namespace="shop", container="proxy", pod=~"web-.*"})',
    ]);
    expect(plan.queries.map(({ keyLabels }) => keyLabels)).toEqual([[], []]);
    expect(plan.unbatched).toEqual([expect.objectContaining({ variable: 'cpuUsage', function: 'max' })]);
  });

  it('asks only what the profile has', () => {
    const own = ownProfile('max(x{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"})');
    expect(planAll([...containers, namespace], { ...context, profile: own }).queries).toHaveLength(1);
  });
});

const profileOfPlanProbe = new MetricProfiles({}).find('resource-optimization-local-monitoring')!;
const contextOfPlanProbe: PlanContext = { profile: profileOfPlanProbe, scope: 'workload', stepSeconds: 900 };
const experimentOfPlanProbe: Experiment = {
  ...{ type: 'container', name: 'n', datasource: 'd', clusterName: 'c', pods: 1, image: 'i' },
  ...{ namespace: 'shop', workload: 'web', workloadType: 'deployment', container: 'app' },
};
const placed = [{ experiment: experimentOfPlanProbe, index: 0 }];
const jvm: UsageQuestion = { variable: 'jvmInfo', function: 'sum' };

/** The shipped profile with another demand on layers, or another query, for jvmInfo. */
function withJvm(over: { layersRequired?: readonly Layer[]; queries?: Record<string, string> }): PlanContext {
  const { layersRequired: _, ...variable } = profileOfPlanProbe.variables.get('jvmInfo')!;
  return {
    ...contextOfPlanProbe,
    profile: { ...profileOfPlanProbe, variables: new Map(profileOfPlanProbe.variables).set('jvmInfo', { ...variable, ...over }) },
  };
}

it.each([
  ['accelerators', acceleratorQuestions.memory],
  ['variables that need layers', jvm],
])('asks about %s without joining pods to workloads first', (_, question) => {
  expect(planProbe(question, placed, contextOfPlanProbe).map(({ query }) => query)).toEqual([
    expect.not.stringContaining('kube_pod_owner'),
  ]);
});

it.each<[string, UsageQuestion, PlanContext]>([
  ['what every container has', { variable: 'cpuUsage', function: 'avg', column: 'cpuUsage.avg' }, contextOfPlanProbe],
  ['a question that is not joined', jvm, { ...contextOfPlanProbe, scope: 'container' }],
  ['a variable that needs no layer', jvm, withJvm({})],
  ['a variable that needs the layer which all have', jvm, withJvm({ layersRequired: ['container'] })],
  [
    'a query that is asked of each container alone',
    jvm,
    withJvm({
      layersRequired: ['hotspot'],
      queries: { sum: 'sum without (pod) (j{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"})' },
    }),
  ],
  ['a query that the profile does not have', jvm, withJvm({ layersRequired: ['hotspot'], queries: {} })],
])('needs no probe of %s', (_, question, given) => {
  expect(planProbe(question, placed, given)).toEqual([]);
});
