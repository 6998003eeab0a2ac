import type { PrometheusSeries } from '../datasource/prometheus-client.js';
import type { DiscoveredCluster, DiscoveredWorkload } from './discovered-cluster.js';
import type { DiscoveredKind, DiscoveryFilter } from './filter.js';
import { groupBy } from './group-by.js';
import { nameFilters, passingNames } from './name-filter.js';
import { chooseImage, type ImageSighting, readSighting } from './read-images.js';

/** Series of the three queries, and of those for excluded labels. */
export interface DiscoveryAnswers {
  readonly namespace: readonly PrometheusSeries[];
  readonly workload: readonly PrometheusSeries[];
  readonly container: readonly PrometheusSeries[];
  readonly excluded: readonly PrometheusSeries[];
}

/** A container with every image that it was seen with. */
export interface ContainerSightings extends DiscoveredWorkload {
  readonly container: string;
  readonly pods: number;
  readonly images: readonly ImageSighting[];
}

export interface Findings {
  readonly namespaces: readonly string[];
  readonly workloads: readonly DiscoveredWorkload[];
  readonly containers: readonly ContainerSightings[];
  /** Series that were left out because a label is missing. */
  readonly malformedSeries: number;
}

/**
 * Joins the answers by namespace, kind and name (D-24) and applies the filter once more, for profiles whose queries have no place for it.
 * Workloads of a namespace that the namespace query did not return are dropped, and containers of a workload that the workload query did not.
 * Rejects with the signal's reason once it aborts.
 */
export async function readWorkloads(answers: DiscoveryAnswers, filter: DiscoveryFilter, signal?: AbortSignal): Promise<Findings> {
  const filters = nameFilters(filter);
  const passing = (kind: DiscoveredKind) =>
    passingNames(
      answers[kind].flatMap(({ labels }) => labels[kind] || []),
      filters[kind],
      signal,
    );
  const namespaces = await passing('namespace');
  const workloads = workloadsOf(answers, namespaces, await passing('workload'));
  const containerNames = await passing('container');
  const containers = readContainers(answers.container).filter(
    (found) => workloads.has(workloadKey(found)) && containerNames.has(found.container),
  );
  return {
    namespaces: [...namespaces].sort(),
    workloads: [...workloads.values()].sort(inOrder),
    containers: containers.sort(inOrder),
    malformedSeries: countMalformed(answers),
  };
}

/** Every container of a container query's answer, with its images. */
export function readContainers(series: readonly PrometheusSeries[]): ContainerSightings[] {
  const whole = series.filter(({ labels, samples }) => readWorkload(labels) && labels.container && labels.image && samples.length > 0);
  const groups = groupBy(whole, ({ labels }) =>
    JSON.stringify([labels.namespace, labels.workload_type, labels.workload, labels.container]),
  );
  return [...groups.values()].map(readContainer);
}

/** What was found, with one image a container. */
export function toCluster({ namespaces, workloads, containers }: Findings): DiscoveredCluster {
  return {
    namespaces,
    workloads,
    containers: containers.map(({ images, ...container }) => ({ ...container, image: chooseImage(images) })),
  };
}

/** Identifies a container among others of a cluster. */
export function containerKey(container: ContainerSightings): string {
  return JSON.stringify([container.namespace, container.workloadType, container.workload, container.container]);
}

function workloadKey({ namespace, workloadType, workload }: DiscoveredWorkload): string {
  return JSON.stringify([namespace, workloadType, workload]);
}

/** The workloads by key, each once. */
function workloadsOf(
  answers: DiscoveryAnswers,
  namespaces: ReadonlySet<string>,
  workloadNames: ReadonlySet<string>,
): Map<string, DiscoveredWorkload> {
  const read = (series: readonly PrometheusSeries[]) => series.flatMap(({ labels }) => readWorkload(labels) ?? []);
  const excluded = new Set(read(answers.excluded).map(workloadKey));
  const wanted = read(answers.workload).filter(
    (found) => namespaces.has(found.namespace) && workloadNames.has(found.workload) && !excluded.has(workloadKey(found)),
  );
  return new Map(wanted.map((workload) => [workloadKey(workload), workload]));
}

function readContainer(series: readonly PrometheusSeries[]): ContainerSightings {
  const labels = series[0]?.labels ?? {};
  return {
    ...(readWorkload(labels) as DiscoveredWorkload),
    container: labels.container ?? '',
    pods: mostPods(series),
    images: series.flatMap((one) => readSighting(one.labels.image ?? '', one) ?? []),
  };
}

/** The query sums 1 for each pod, so a container's pods are the sum over its images. */
function mostPods(series: readonly PrometheusSeries[]): number {
  const sums = new Map<number, number>();
  for (const [time, value] of series.flatMap(({ samples }) => samples)) {
    const pods = Number(value);
    if (Number.isFinite(pods)) sums.set(time, (sums.get(time) ?? 0) + pods);
  }
  let most = 1;
  for (const sum of sums.values()) most = Math.max(most, Math.ceil(sum - 1e-6));
  return most;
}

function readWorkload({ namespace, workload, workload_type }: PrometheusSeries['labels']): DiscoveredWorkload | undefined {
  return namespace && workload && workload_type ? { namespace, workload, workloadType: workload_type } : undefined;
}

function countMalformed({ namespace, workload, container }: DiscoveryAnswers): number {
  const isMissing = (series: readonly PrometheusSeries[], names: readonly string[]) =>
    series.filter(({ labels }) => names.some((name) => !labels[name])).length;
  const ofWorkload = ['namespace', 'workload', 'workload_type'];
  return (
    isMissing(namespace, ['namespace']) + isMissing(workload, ofWorkload) + isMissing(container, [...ofWorkload, 'container', 'image'])
  );
}

function inOrder(a: DiscoveredWorkload & { container?: string }, b: DiscoveredWorkload & { container?: string }): number {
  return (
    compare(a.namespace, b.namespace) ||
    compare(a.workload, b.workload) ||
    compare(a.workloadType, b.workloadType) ||
    compare(a.container ?? '', b.container ?? '')
  );
}

/** By code units: the same on every machine, whatever its language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
