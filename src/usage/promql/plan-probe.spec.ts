import type { Experiment } from '../../experiments/experiment.js';
import { MetricProfiles } from '../../profiles/metric-profile.js';
import type { Layer } from '../../recommendation/settings.js';
import { acceleratorQuestions, type UsageQuestion } from '../usage-questions.js';
import { planProbe } from './plan-probe.js';
import type { PlanContext } from './plan-usage-queries.js';

const profile = new MetricProfiles({}).find('resource-optimization-local-monitoring')!;
const context: PlanContext = { profile, scope: 'workload', stepSeconds: 900 };
const experiment: Experiment = {
  ...{ type: 'container', name: 'n', datasource: 'd', clusterName: 'c', pods: 1, image: 'i' },
  ...{ namespace: 'shop', workload: 'web', workloadType: 'deployment', container: 'app' },
};
const placed = [{ experiment, index: 0 }];
const jvm: UsageQuestion = { variable: 'jvmInfo', function: 'sum' };

/** The shipped profile with another demand on layers, or another query, for jvmInfo. */
function withJvm(over: { layersRequired?: readonly Layer[]; queries?: Record<string, string> }): PlanContext {
  const { layersRequired: _, ...variable } = profile.variables.get('jvmInfo')!;
  return { ...context, profile: { ...profile, variables: new Map(profile.variables).set('jvmInfo', { ...variable, ...over }) } };
}

it.each([
  ['accelerators', acceleratorQuestions.memory],
  ['variables that need layers', jvm],
])('asks about %s without joining pods to workloads first', (_, question) => {
  expect(planProbe(question, placed, context).map(({ query }) => query)).toEqual([expect.not.stringContaining('kube_pod_owner')]);
});

it.each<[string, UsageQuestion, PlanContext]>([
  ['what every container has', { variable: 'cpuUsage', function: 'avg', column: 'cpuUsage.avg' }, context],
  ['a question that is not joined', jvm, { ...context, scope: 'container' }],
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
