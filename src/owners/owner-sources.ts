import { recordingRules } from '../datasource/capabilities.js';
import type { PrometheusSeries } from '../datasource/prometheus-client.js';
import type { ContainerExperiment } from '../experiments/experiment.js';
import { matchAnyOf, matchOneOf } from '../promql/matcher.js';
import type { ChunkQuestion, SeriesWindows } from '../remote-read/series-windows.js';
import { ownerKey, PodOwners } from './pod-owners.js';

const ownerRule = recordingRules.owners;
/** Prometheus' look-back: so long a pod's owner is taken to be what its last sample said. */
export const lookBackSeconds = 300;

export interface OwnersAsk {
  readonly namespaces: readonly string[];
  readonly workloads: readonly string[];
  /** How far back the joined expression looks. */
  readonly reachSeconds: number;
  /** Label names in the joined expression: `namespace` and `pod`, or `exported_namespace` and `exported_pod`. */
  readonly namespaceLabel: string;
  readonly podLabel: string;
}

/**
 * One series of value 1 for each pod that was known anywhere in the window, with its workload, so that multiplying by it changes no value and
 * a pod that is gone counts as long as its usage does. Of several owners of one pod in one window the one with most samples is taken; of equal
 * ones the first in the datasource's own order: topk keeps it, because nothing stands between the two that would change the order.
 */
export function ownersQuery({ namespaces, workloads, reachSeconds, namespaceLabel, podLabel }: OwnersAsk): string {
  const matchers = `${matchAnyOf('namespace', namespaces)}, ${matchAnyOf('workload', workloads)}`;
  const samples = `count_over_time(${ownerRule}{${matchers}}[${reachSeconds + lookBackSeconds}s])`;
  const owners = `group by (namespace, pod, workload, workload_type) (topk by (namespace, pod) (1, ${samples}))`;
  return renamed(renamed(owners, 'namespace', namespaceLabel), 'pod', podLabel);
}

function renamed(query: string, from: string, to: string): string {
  return from === to ? query : `label_replace(${query}, "${to}", "$1", "${from}", "(.*)")`;
}

/** Where it is read which workload a pod belongs to: the recording rule, or the series of kube-state-metrics that the rule is made of. */
export type OwnerSource = 'rule' | 'kube-state-metrics';

/**
 * Questions for the owners of the containers' pods, one window for each reach (`reachesMs`) of the usage that is joined to them:
 * the same windows as the PromQL twin asks (promql/owners-query.ts).
 */
export const planOwnerQuestions: Readonly<
  Record<OwnerSource, (containers: readonly ContainerExperiment[], reachesMs: readonly number[]) => ChunkQuestion[]>
> = {
  rule: (containers, reachesMs) => {
    const namespaces = containers.map(({ namespace }) => namespace);
    const workloads = containers.map(({ workload }) => workload);
    const matchers = [{ type: '=', name: '__name__', value: ownerRule } as const];
    return [
      { matchers: [...matchers, matchOneOf('namespace', namespaces), matchOneOf('workload', workloads)], windows: windowsOf(reachesMs) },
    ];
  },
  'kube-state-metrics': (containers, reachesMs) => {
    const cut = matchOneOf(
      'namespace',
      containers.map(({ namespace }) => namespace),
    );
    return ['kube_replicaset_owner', 'kube_pod_owner'].map((value) => ({
      matchers: [{ type: '=', name: '__name__', value } as const, cut],
      windows: windowsOf(reachesMs),
    }));
  },
};

function windowsOf(reachesMs: readonly number[]) {
  return reachesMs.map((reachMs) => ({ function: 'count_over_time', rangeMs: reachMs + lookBackSeconds * 1000 }) as const);
}

/** Takes the series that answer the owners' questions (plan/plan-owner-questions.ts), `question` counted from the first of them. */
export type OwnerReader = (series: SeriesWindows, question: number) => void;

/** Kinds that kube-prometheus' rules for the recording rule write in lower case, with the owner as the workload. */
const kindsAsTheyAre = ['DaemonSet', 'StatefulSet', 'Job'];
/** kube-state-metrics writes `<none>` where there is no owner, before its version 2 in all labels. */
const isNamed = (owner: string | undefined): owner is string => owner !== undefined && owner !== '' && owner !== '<none>';

/** Makes the reader for a source of owners. */
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
        // Whatever owns it, the rule calls it a deployment; of several the first is taken.
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

/** A ReplicaSet stands for its owner, or for itself where it has none; a job of a CronJob stays the job, as in the recording rule. */
function workloadOf(namespace: string, kind: string, name: string, ownersOfReplicaSets: ReadonlyMap<string, string>): string | undefined {
  if (kind === 'ReplicaSet') return ownersOfReplicaSets.get(`${namespace}\0${name}`) ?? ownerKey(name, 'replicaset');
  return kindsAsTheyAre.includes(kind) ? ownerKey(name, kind.toLowerCase()) : undefined;
}

/** A pod and the workload it belongs to at one instant. */
export interface OwnedPod {
  readonly namespace: string;
  readonly pod: string;
  /** As `ownerKey` writes it. */
  readonly owner: string;
}

/** Metrics that a source consists of, in the order in which its reader takes them (chunks/plan/plan-owner-questions.ts). */
const metrics: Readonly<Record<OwnerSource, readonly string[]>> = {
  rule: [ownerRule],
  'kube-state-metrics': ['kube_replicaset_owner', 'kube_pod_owner'],
};

/** Instant queries whose answers `readPodOwners` takes, in their order. */
export function planPodOwners(source: OwnerSource, namespaces: readonly string[]): string[] {
  return metrics[source].map((metric) => `count_over_time(${metric}{${matchAnyOf('namespace', namespaces)}}[${lookBackSeconds}s])`);
}

/** The pods of the namespaces with their workloads, by the same rules as usage is joined by; a pod without a known workload is absent. */
export function readPodOwners(source: OwnerSource, answers: readonly (readonly PrometheusSeries[])[]): OwnedPod[] {
  const owners = new PodOwners();
  const read = ownerReaders[source](owners);
  for (const [question, series] of answers.entries()) {
    for (const { labels, samples } of series) {
      read(
        { question, labels, values: samples.slice(0, 1).map(([, count]) => Float64Array.of(Number(count))), firstRow: 0, endRow: 1 },
        question,
      );
    }
  }
  const pods = new Map(
    answers.flat().map(({ labels: { namespace = '', pod = '' } }) => [JSON.stringify([namespace, pod]), { namespace, pod }]),
  );
  return [...pods.values()].flatMap((place) => {
    const [owned] = owners.ownersOf(place.namespace, place.pod, 0);
    return owned ? [{ ...place, owner: owned.owner }] : [];
  });
}

/** A pod, or the pod of a series, as one text. */
export function podKey({ namespace = '', pod = '' }: { readonly namespace?: string; readonly pod?: string }): string {
  return JSON.stringify([namespace, pod]);
}

/** Whether the pod is one of the workload's. */
export function belongsTo(
  { owner, namespace }: OwnedPod,
  workload: { namespace: string; workload: string; workloadType: string },
): boolean {
  return namespace === workload.namespace && owner === ownerKey(workload.workload, workload.workloadType);
}
