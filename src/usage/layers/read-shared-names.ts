import type { ContainerExperiment } from '../../experiments/experiment.js';

/** Namespace and name of a container, or of a series' container, as one text. */
export function nameKey({ namespace = '', container = '' }: { readonly namespace?: string; readonly container?: string }): string {
  return JSON.stringify([namespace, container]);
}

/** Containers by namespace and name. */
export function groupByName(containers: readonly ContainerExperiment[]): ContainerExperiment[][] {
  const groups = new Map<string, ContainerExperiment[]>();
  for (const container of containers) {
    const key = nameKey(container);
    const group = groups.get(key);
    if (group) group.push(container);
    else groups.set(key, [container]);
  }
  return [...groups.values()];
}

/** Containers whose namespace and name do not tell them apart from one of another workload. */
export function readSharedNames(containers: readonly ContainerExperiment[]): ReadonlySet<ContainerExperiment> {
  return new Set(
    groupByName(containers)
      .filter((group) => group.length > 1)
      .flat(),
  );
}
