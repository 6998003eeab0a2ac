import { matchAnyOf } from '../../promql/matcher.js';

/** Recording rule whose series say which workload a pod belongs to. */
export const ownerRule = 'namespace_workload_pod:kube_pod_owner:relabel';
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
