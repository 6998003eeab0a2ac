import { MetricProfiles, readMetricProfile } from '../profiles/metric-profile.js';
import { explainProfile } from './explain-profile.js';

const profile = new MetricProfiles({}).find('resource-optimization-local-monitoring')!;
const cut = '{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"}';
const profileOf = (query: string) =>
  readMetricProfile(
    {
      metadata: { name: 'p' },
      slo: { function_variables: [{ name: 'cpuUsage', aggregation_functions: [{ function: 'avg', query }] }] },
    },
    'p.json',
  );
const cpuOf = (query: string, scope: 'workload' | 'container') =>
  explainProfile(profileOf(query), scope).find(({ name }) => name === 'cpuUsage.avg');

describe('explainProfile', () => {
  it('says that chunks answer all of the shipped profile but accelerators and activity', () => {
    const left = explainProfile(profile, 'workload').filter(({ reader }) => reader !== 'chunks');
    expect(left.map(({ name, reader }) => `${name} ${reader}`)).toEqual([
      'maxDate.max promql',
      'acceleratorMemoryUsage.max promql',
      'acceleratorCoreUsage.max promql',
    ]);
  });

  it('says that PromQL asks all of the shipped profile once for many experiments, and what it probes for', () => {
    const explained = explainProfile(profile, 'workload');
    expect(explained.map(({ asked }) => asked)).toEqual(explained.map(() => 'batched'));
    expect(explained.filter(({ isProbed }) => isProbed).map(({ name }) => name)).toEqual([
      'jvmInfo.sum',
      'jvmInfoTotal.sum',
      'acceleratorMemoryUsage.max',
    ]);
  });

  it.each([
    ['workload', `avg_over_time(sum(x${cut})[15m:])`, 'promql', 'batched', 'joins pods to workloads inside a subquery'],
    ['container', `avg_over_time(sum(x${cut})[15m:])`, 'chunks', 'batched', undefined],
    ['workload', 'avg(x{ns="$NAMESPACE$", container="$CONTAINER_NAME$"})', 'promql', 'each', 'has no label to join pods to workloads by'],
    [
      'container',
      `sum without (pod) (x${cut})`,
      'promql',
      'each',
      'aggregates without labels; its answer would not tell experiments apart',
    ],
  ] as const)('tells for scope %s what answers %s, and why', (scope, query, reader, asked, reason) => {
    const explained = { type: 'container', name: 'cpuUsage.avg', reader, asked, isProbed: false };
    expect(cpuOf(query, scope)).toEqual({ ...explained, ...(reason && { reason }) });
  });

  it('says which queries a profile does not have', () => {
    const explained = explainProfile(profileOf(`sum(x${cut})`), 'workload');
    expect(explained.find(({ name }) => name === 'memoryUsage.max')).toEqual({
      ...{ type: 'container', name: 'memoryUsage.max', reader: 'none' },
      reason: 'the profile has no such query',
    });
  });
});
