import type { ContainerExperiment } from '../../../experiments/experiment.js';
import { matchOneOf } from '../../../promql/matcher.js';
import type { ChunkQuestion } from '../../../remote-read/series-windows.js';
import { lookBackSeconds, ownerRule } from '../../promql/owners-query.js';

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
