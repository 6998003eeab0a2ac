import type { DiscoveredCluster } from '../discovery/discovered-cluster.js';
import type { Experiment, ExperimentType } from './experiment.js';
import { nameExperiment } from './name-experiment.js';

/** What a job makes experiments of. */
export interface ExperimentPlan {
  readonly nameFormat: string;
  readonly clusterName: string;
  readonly types: readonly ExperimentType[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** Experiments that would bear one name. */
export interface NameClash {
  readonly name: string;
  readonly experiments: readonly Experiment[];
}

/** One experiment for every container and namespace found that the plan asks for; those that share a name are told apart from the rest. */
export function planExperiments(
  found: readonly { readonly datasource: string; readonly cluster: DiscoveredCluster }[],
  plan: ExperimentPlan,
): { experiments: Experiment[]; clashes: NameClash[] } {
  const byName = new Map<string, Experiment[]>();
  for (const { datasource, cluster } of found) {
    for (const experiment of experimentsOf(datasource, cluster, plan)) {
      const same = byName.get(experiment.name);
      if (same) same.push(experiment);
      else byName.set(experiment.name, [experiment]);
    }
  }
  const experiments: Experiment[] = [];
  const clashes: NameClash[] = [];
  for (const [name, same] of byName) {
    if (same.length === 1) experiments.push(same[0]);
    else clashes.push({ name, experiments: same });
  }
  return { experiments, clashes };
}

function* experimentsOf(datasource: string, cluster: DiscoveredCluster, plan: ExperimentPlan): Iterable<Experiment> {
  const { clusterName, nameFormat, labels } = plan;
  const nameOf = (parts: { namespace: string; workload?: string; workloadType?: string; container?: string }) =>
    nameExperiment(nameFormat, { datasource, clusterName, labels, ...parts });
  if (plan.types.includes('container')) {
    for (const { namespace, workload, workloadType, container, image, pods } of cluster.containers) {
      const name = nameOf({ namespace, workload, workloadType, container });
      yield { type: 'container', name, datasource, clusterName, namespace, workload, workloadType, container, image, pods };
    }
  }
  if (plan.types.includes('namespace')) {
    const podsOf = new Map<string, number>();
    for (const { namespace, pods } of cluster.containers) podsOf.set(namespace, (podsOf.get(namespace) ?? 0) + pods);
    for (const namespace of cluster.namespaces) {
      yield { type: 'namespace', name: nameOf({ namespace }), datasource, clusterName, namespace, pods: podsOf.get(namespace) ?? 1 };
    }
  }
}
