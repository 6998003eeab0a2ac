import type { ContainerExperiment, NamespaceExperiment } from '../../experiments/experiment.js';
import { MetricProfiles, readMetricProfile } from '../../profiles/metric-profile.js';
import { usageQuestions } from '../usage-questions.js';
import { planChunkReads } from './plan-chunk-reads.js';

const common = { name: 'n', datasource: 'd', clusterName: 'c', pods: 1 };
const container = (namespace: string, name: string): ContainerExperiment => ({
  type: 'container',
  ...common,
  namespace,
  workload: 'web',
  workloadType: 'deployment',
  container: name,
  image: 'i',
});
const namespace: NamespaceExperiment = { type: 'namespace', ...common, namespace: 'shop' };
const placed = [container('shop', 'app'), container('shop', 'a.b'), container('pay', 'app')].map((experiment, index) => ({
  experiment,
  index,
}));
const profile = new MetricProfiles({}).find('resource-optimization-local-monitoring')!;
const twin = new MetricProfiles({}).find('resource-optimization-local-monitoring-norecordingrules')!;
const context = { profile, scope: 'workload', stepSeconds: 900, evaluationMs: 60_000 } as const;

const profileOf = (queries: Record<string, string>) =>
  readMetricProfile(
    {
      metadata: { name: 'p' },
      slo: {
        function_variables: Object.entries(queries).map(([name, query]) => ({ name, aggregation_functions: [{ function: 'avg', query }] })),
      },
    },
    'test',
  );

describe('planChunkReads', () => {
  it('covers all questions about containers with one read and one question per selector', () => {
    const { reads, covered, reachesMs } = planChunkReads(placed, context);
    expect(reads).toHaveLength(1);
    expect(reads[0]!.evaluationMs).toBeUndefined();
    expect([...covered]).toEqual(expect.arrayContaining([...usageQuestions.container]));
    expect(reachesMs).toEqual([0, 900_000]);
    const selectors = reads[0]!.questions.map(
      ({ chunkQuestion }) => `${chunkQuestion.matchers[0]!.value} ${chunkQuestion.windows.map((window) => window.function)}`,
    );
    expect(selectors).toEqual([
      'kube_pod_container_resource_requests instant',
      'kube_pod_container_resource_limits instant',
      'node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate avg_over_time,min_over_time,max_over_time',
      'container_cpu_cfs_throttled_seconds_total rate',
      'kube_pod_container_resource_requests instant',
      'kube_pod_container_resource_limits instant',
      'container_memory_working_set_bytes avg_over_time,min_over_time,max_over_time',
      'container_memory_rss max_over_time,min_over_time',
      'jvm_info instant',
      'jvm_info_total instant',
    ]);
  });

  it('selects namespaces and containers in each question, escaped', () => {
    const [question] = planChunkReads(placed, context).reads[0]!.questions;
    expect(question!.chunkQuestion.matchers.slice(-2)).toEqual([
      { type: '=~', name: 'namespace', value: 'pay|shop' },
      { type: '=~', name: 'container', value: 'a\\.b|app' },
    ]);
  });

  it('applies inequalities of containers itself and leaves those of namespaces to the datasource', () => {
    const mixed = profileOf({ cpuUsage: 'avg(x{namespace="$NAMESPACE$", container="$CONTAINER_NAME$", pod!="", job="j", image!~"a|b"})' });
    const [question] = planChunkReads(placed, { ...context, profile: mixed }).reads[0]!.questions;
    expect(question!.chunkQuestion.matchers.map(({ name, type }) => name + type)).toEqual([
      '__name__=',
      'job=',
      'image!~',
      'namespace=~',
      'container=~',
    ]);
    expect(question!.excluded).toEqual([{ type: '!=', name: 'pod', value: '' }]);
    const ofNamespace = planChunkReads([{ experiment: namespace, index: 0 }], context).reads.flatMap(({ questions }) => questions);
    expect(ofNamespace.flatMap(({ chunkQuestion }) => chunkQuestion.matchers.map(({ type }) => type))).toContain('!=');
    expect(ofNamespace.flatMap(({ excluded }) => excluded)).toEqual([]);
  });

  it('groups only the series of the JVM by their labels', () => {
    const { questions } = planChunkReads(placed, context).reads[0]!;
    expect(questions.map(({ channels }) => channels[0]!.groupLabels)).toEqual([
      ...Array(8).fill([]),
      ...Array(2).fill(['runtime', 'vendor', 'version']),
    ]);
  });

  it('uses a separate read for queries with a subquery, at the instants of the subquery', () => {
    const { reads, reachesMs } = planChunkReads(placed, { ...context, profile: twin, evaluationMs: 30_000 });
    expect(reads.map(({ evaluationMs, questions }) => [evaluationMs, questions.length])).toEqual([
      [undefined, 9],
      [30_000, 1],
    ]);
    expect(reads[1]!.questions[0]!.chunkQuestion.windows).toEqual([{ function: 'rate', rangeMs: 300_000 }]);
    expect(reachesMs).toContain(1_200_000);
  });

  it('reads namespaces at the instants of their subqueries, without owners', () => {
    const { reads, covered, reachesMs } = planChunkReads([{ experiment: namespace, index: 0 }], context);
    expect(reads.map(({ evaluationMs, questions }) => [evaluationMs, questions.length])).toEqual([
      [undefined, 4],
      [60_000, 6],
    ]);
    expect(covered.size).toBe(usageQuestions.namespace.length);
    expect(reachesMs).toEqual([]);
  });

  it('does not cover absent queries and queries of other shapes', () => {
    const both = 'namespace="$NAMESPACE$", container="$CONTAINER_NAME$"';
    const mixed = profileOf({ cpuUsage: `avg(x{${both}})`, memoryUsage: `avg(x{${both}} * 2)` });
    const { covered } = planChunkReads(placed, { ...context, profile: mixed });
    expect([...covered].map(({ variable, function: name }) => `${variable}.${name}`)).toEqual(['cpuUsage.avg']);
  });
});
