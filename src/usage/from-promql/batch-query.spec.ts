import type { Experiment } from '../../experiments/experiment.js';
import { parsePromql } from '../../promql/expression.js';
import { batchQuery } from './batch-query.js';
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
