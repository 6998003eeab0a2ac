import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import { matchAnyOf } from '../../promql/matcher.js';
import { ownerReaders } from '../chunks/aggregate/owner-readers.js';
import { ownerKey, PodOwners } from '../chunks/aggregate/pod-owners.js';
import type { OwnerSource } from '../chunks/plan/plan-owner-questions.js';
import { lookBackSeconds, ownerRule } from '../promql/owners-query.js';

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
