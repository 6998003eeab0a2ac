import { recordingRules } from '../datasource/capabilities.js';
import type { PrometheusSeries } from '../datasource/datasource-client.js';
import type { ContainerExperiment } from '../experiments/experiment.js';
import { matchAnyOf, matchOneOf } from '../promql/matcher.js';
import type { ChunkQuestion, SeriesWindows } from '../remote-read/series-windows.js';
import { ownerKey, PodOwners } from './pod-owners.js';

/** Source of the pods' workloads: the recording rule, or the series of kube-state-metrics from which the rule is computed. */
export type OwnerSource = 'rule' | 'kube-state-metrics';

/** Metrics of a source, in the order of its questions. */
const metrics: Readonly<Record<OwnerSource, readonly string[]>> = {
  rule: [recordingRules.owners],
  'kube-state-metrics': ['kube_replicaset_owner', 'kube_pod_owner'],
};

/** Prometheus' look-back: a pod keeps the owner of its last sample for this long. */
export const lookBackSeconds = 300;

export interface OwnersQueryInput {
  readonly namespaces: readonly string[];
  readonly workloads: readonly string[];
  /** How far the joined expression looks back. */
  readonly reachSeconds: number;
  /** Label names in the joined expression: `namespace` and `pod`, or `exported_namespace` and `exported_pod`. */
  readonly namespaceLabel: string;
  readonly podLabel: string;
}

/**
 * Writes a query that returns one series of value 1 per pod that was known at any time in the window, with its workload. Multiplying by it
 * changes no value, and a deleted pod counts for as long as its usage does. If a pod had several owners in a window, the one with the most
 * samples wins; on a tie, the first in the datasource's order, because `topk` keeps the order of its input.
 */
export function ownersQuery({ namespaces, workloads, reachSeconds, namespaceLabel, podLabel }: OwnersQueryInput): string {
  const matchers = `${matchAnyOf('namespace', namespaces)}, ${matchAnyOf('workload', workloads)}`;
  const samples = `count_over_time(${recordingRules.owners}{${matchers}}[${reachSeconds + lookBackSeconds}s])`;
  const owners = `group by (namespace, pod, workload, workload_type) (topk by (namespace, pod) (1, ${samples}))`;
  return renamed(renamed(owners, 'namespace', namespaceLabel), 'pod', podLabel);
}

function renamed(query: string, from: string, to: string): string {
  return from === to ? query : `label_replace(${query}, "${to}", "$1", "${from}", "(.*)")`;
}

/** Plans the questions for the owners of the containers' pods. Each has a window per reach (ms) of the usage, as in `ownersQuery`. */
export function planOwnerQuestions(
  source: OwnerSource,
  containers: readonly ContainerExperiment[],
  reachesMs: readonly number[],
): ChunkQuestion[] {
  const [namespaces, workloads] = [containers.map(({ namespace }) => namespace), containers.map(({ workload }) => workload)];
  const ofNamespaces = matchOneOf('namespace', namespaces);
  const matchers = source === 'rule' ? [ofNamespaces, matchOneOf('workload', workloads)] : [ofNamespaces];
  return metrics[source].map((value) => ({
    matchers: [{ type: '=', name: '__name__', value }, ...matchers],
    windows: reachesMs.map((reachMs) => ({ function: 'count_over_time', rangeMs: reachMs + lookBackSeconds * 1000 })),
  }));
}

/** Reads a series of the owners' questions (`planOwnerQuestions`). `question` is its index among them. */
export type OwnerReader = (series: SeriesWindows, question: number) => void;

/** Owner kinds that the recording rule uses as the workload's type, in lower case. */
const workloadKinds = ['DaemonSet', 'StatefulSet', 'Job'];
/** Whether there is an owner: kube-state-metrics writes `<none>` without one, before version 2 in all labels. */
const isNamed = (owner: string | undefined): owner is string => owner !== undefined && owner !== '' && owner !== '<none>';

/** Creates the reader for a source of owners. It adds the owners to `owners`. */
export const ownerReaders: Readonly<Record<OwnerSource, (owners: PodOwners) => OwnerReader>> = {
  rule: (owners) => (series) => {
    const { namespace = '', pod = '', workload = '', workload_type: type = '' } = series.labels;
    owners.add(namespace, pod, ownerKey(workload, type), series);
  },
  'kube-state-metrics': (owners) => {
    const ownersOfReplicaSets = new Map<string, string>();
    const readers: readonly ((series: SeriesWindows) => void)[] = [
      ({ labels: { namespace = '', replicaset = '', owner_name: name } }) => {
        const key = `${namespace}\0${replicaset}`;
        // The rule calls every owner of a ReplicaSet a deployment. If there are several owners, the first wins.
        if (isNamed(name) && !ownersOfReplicaSets.has(key)) ownersOfReplicaSets.set(key, ownerKey(name, 'deployment'));
      },
      (series) => {
        const { namespace = '', pod = '', owner_kind: kind = '', owner_name: name } = series.labels;
        const owner = isNamed(name) ? workloadOf(namespace, kind, name, ownersOfReplicaSets) : undefined;
        if (owner !== undefined) owners.add(namespace, pod, owner, series);
      },
    ];
    return (series, question) => readers[question]?.(series);
  },
};

/** A ReplicaSet is replaced by its owner if it has one. A Job of a CronJob stays the Job. Both are as in the recording rule. */
function workloadOf(namespace: string, kind: string, name: string, ownersOfReplicaSets: ReadonlyMap<string, string>): string | undefined {
  if (kind === 'ReplicaSet') return ownersOfReplicaSets.get(`${namespace}\0${name}`) ?? ownerKey(name, 'replicaset');
  return workloadKinds.includes(kind) ? ownerKey(name, kind.toLowerCase()) : undefined;
}

/** A pod and its workload at one instant. */
export interface OwnedPod {
  readonly namespace: string;
  readonly pod: string;
  /** In the form of `ownerKey`. */
  readonly owner: string;
}

/** Plans the instant queries whose results `readPodOwners` takes, in this order. */
export function planPodOwners(source: OwnerSource, namespaces: readonly string[]): string[] {
  return metrics[source].map((metric) => `count_over_time(${metric}{${matchAnyOf('namespace', namespaces)}}[${lookBackSeconds}s])`);
}

/** Reads the pods with their workloads, by the same rules as for joining usage. Leaves out pods without a known workload. */
export function readPodOwners(source: OwnerSource, results: readonly (readonly PrometheusSeries[])[]): OwnedPod[] {
  const owners = new PodOwners();
  const read = ownerReaders[source](owners);
  for (const [question, series] of results.entries()) {
    for (const { labels, samples } of series) {
      const values = samples.slice(0, 1).map(([, count]) => Float64Array.of(Number(count)));
      read({ question, labels, values, firstRow: 0, endRow: 1 }, question);
    }
  }
  const pods = new Map(results.flat().map(({ labels: { namespace = '', pod = '' } }) => [podKey({ namespace, pod }), { namespace, pod }]));
  return [...pods.values()].flatMap((place) => {
    const [owned] = owners.ownersOf(place.namespace, place.pod, 0);
    return owned ? [{ ...place, owner: owned.owner }] : [];
  });
}

/** A key for a pod, or for the pod of a series. */
export function podKey({ namespace = '', pod = '' }: { readonly namespace?: string; readonly pod?: string }): string {
  return JSON.stringify([namespace, pod]);
}

/** Whether the pod belongs to the workload. */
export function belongsTo(pod: OwnedPod, owner: Pick<ContainerExperiment, 'namespace' | 'workload' | 'workloadType'>): boolean {
  return pod.namespace === owner.namespace && pod.owner === ownerKey(owner.workload, owner.workloadType);
}
