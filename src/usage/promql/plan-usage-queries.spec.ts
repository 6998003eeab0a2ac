import type { Experiment } from '../../experiments/experiment.js';
import { MetricProfiles, readMetricProfile } from '../../profiles/metric-profile.js';

import { type PlanContext, planUsageQueries, type UsagePlan } from './plan-usage-queries.js';

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
