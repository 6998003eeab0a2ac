/** A workload that discovery found. */
export interface DiscoveredWorkload {
  readonly namespace: string;
  readonly workload: string;
  /** `deployment`, `statefulset`, … as the datasource has it. */
  readonly workloadType: string;
}

export interface DiscoveredContainer extends DiscoveredWorkload {
  readonly container: string;
  /** That of the latest sample. */
  readonly image: string;
  /** Most pods at once in any window, at least 1: an estimate. */
  readonly pods: number;
}

/** What discovery found, sorted by namespace, workload, kind and container. */
export interface DiscoveredCluster {
  readonly namespaces: readonly string[];
  readonly workloads: readonly DiscoveredWorkload[];
  readonly containers: readonly DiscoveredContainer[];
}
