import type { SeriesWindows } from '../../../remote-read/series-windows.js';
import type { OwnerSource } from '../plan/plan-owner-questions.js';
import { ownerKey, type PodOwners } from './pod-owners.js';

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
