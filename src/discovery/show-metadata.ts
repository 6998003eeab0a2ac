import { groupBy } from '../promql/labels.js';
import type { DiscoveredCluster, DiscoveredWorkload } from './read-workloads.js';

/** What was found in one datasource. */
export interface DiscoveredDatasource {
  readonly datasource: string;
  /** Default: `default`. */
  readonly clusterName?: string;
  readonly cluster: DiscoveredCluster;
}

/** The `metadata` section of GET /bulk (spec: bulk-and-kafka.md 2.9): `workloads` and `containers` are left out where there are none. */
export function showMetadata(found: readonly DiscoveredDatasource[]): object {
  const datasources = found.map(({ datasource, clusterName = 'default', cluster }) => [
    datasource,
    { clusters: { [clusterName]: showCluster(clusterName, cluster) }, datasource_name: datasource },
  ]);
  return { datasources: Object.fromEntries(datasources) };
}

/** `dataSourceClusterName` repeats the name in the reference, and so here. */
function showCluster(clusterName: string, cluster: DiscoveredCluster): object {
  const workloads = groupBy(cluster.workloads, ({ namespace }) => namespace);
  const containers = groupBy(cluster.containers, workloadKey);
  const namespaces = cluster.namespaces.map((namespace) => {
    const shown = showWorkloads(workloads.get(namespace) ?? [], containers);
    return [namespace, { namespace, ...(shown && { workloads: shown }) }];
  });
  return { namespaces: Object.fromEntries(namespaces), dataSourceClusterName: clusterName, cluster_name: clusterName };
}

/** A workload whose name another kind took already gets the key `name(kind)`. */
function showWorkloads(
  workloads: readonly DiscoveredWorkload[],
  containers: ReadonlyMap<string, DiscoveredCluster['containers'][number][]>,
) {
  if (workloads.length === 0) return undefined;
  const taken = new Set<string>();
  const shown = workloads.map((workload) => {
    const key = taken.has(workload.workload) ? `${workload.workload}(${workload.workloadType})` : workload.workload;
    taken.add(key);
    const own = containers
      .get(workloadKey(workload))
      ?.map(({ container, image }) => [container, { container_name: container, container_image_name: image }]);
    const names = { workload_name: workload.workload, workload_type: workload.workloadType };
    return [key, { ...(own && { containers: Object.fromEntries(own) }), ...names }];
  });
  return Object.fromEntries(shown);
}

function workloadKey({ namespace, workloadType, workload }: DiscoveredWorkload): string {
  return JSON.stringify([namespace, workloadType, workload]);
}
