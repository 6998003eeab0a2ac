import type { PrometheusSeries } from '../datasource/datasource-client.js';
import type { DiscoveredKind } from '../profiles/metadata-profile.js';
import { compareTexts, groupBy, labelSetKey } from '../promql/labels.js';
import { type DiscoveryFilter, nameFilters, passingNames } from './name-filter.js';

/** A workload that discovery found. */
export interface DiscoveredWorkload {
  readonly namespace: string;
  readonly workload: string;
  /** `deployment`, `statefulset`, … as the datasource reports it. */
  readonly workloadType: string;
}

export interface DiscoveredContainer extends DiscoveredWorkload {
  readonly container: string;
  /** The image of the latest sample. */
  readonly image: string;
  /** Estimated maximum number of concurrent pods, at least 1. */
  readonly pods: number;
}

/** What discovery found, sorted by namespace, workload, kind and container. */
export interface DiscoveredCluster {
  readonly namespaces: readonly string[];
  readonly workloads: readonly DiscoveredWorkload[];
  readonly containers: readonly DiscoveredContainer[];
}

/** When a container was seen with an image: the first and last instant of the windows that saw it, in epoch seconds. */
export interface ImageSighting {
  readonly image: string;
  readonly firstSeconds: number;
  readonly lastSeconds: number;
}

/** The images in the latest window. If there are several, the window is too long to show which came last. */
export function latestImages(sightings: readonly ImageSighting[]): ImageSighting[] {
  const latest = Math.max(...sightings.map(({ lastSeconds }) => lastSeconds));
  return sightings.filter(({ lastSeconds }) => lastSeconds === latest);
}

/** The image to report: of those in the latest window, the one that appeared later (a rollout in progress); on a tie, the first by name. */
export function chooseImage(sightings: readonly ImageSighting[]): string {
  const byAppearance = (a: ImageSighting, b: ImageSighting) => b.firstSeconds - a.firstSeconds || (a.image < b.image ? -1 : 1);
  return latestImages(sightings).sort(byAppearance)[0]?.image ?? '';
}

/** The latest images as seen by finer windows within the latest coarse window; undefined if those saw none (shorter than the scrape interval). */
export function refineSightings(coarse: readonly ImageSighting[], finer: readonly ImageSighting[]): ImageSighting[] | undefined {
  const refined = latestImages(coarse).flatMap((sighting) => {
    const seen = finer.find(({ image }) => image === sighting.image);
    const appearedBefore = sighting.firstSeconds < sighting.lastSeconds;
    return seen ? [{ ...seen, firstSeconds: appearedBefore ? sighting.firstSeconds : seen.firstSeconds }] : [];
  });
  return refined.length > 0 ? refined : undefined;
}

type Results = readonly (readonly PrometheusSeries[])[];

/** Joins the results of the same queries over parts of a range, in order of time. Series with equal labels become one. */
export function joinParts(parts: readonly Results[]): Results {
  const [first = [], ...later] = parts;
  return later.length === 0 ? first : first.map((_, query) => joinSeries(parts.flatMap((results) => results[query] ?? [])));
}

function joinSeries(series: readonly PrometheusSeries[]): PrometheusSeries[] {
  const joined = new Map<string, PrometheusSeries>();
  for (const { labels, samples } of series) {
    const key = labelSetKey(labels);
    joined.set(key, { labels, samples: [...(joined.get(key)?.samples ?? []), ...samples] });
  }
  return [...joined.values()];
}

/** Results of the three queries and of those for excluded labels. */
export type DiscoverySeries = Readonly<Record<DiscoveredKind | 'excluded', readonly PrometheusSeries[]>>;

/** A container with every image that it was seen with. */
export interface ContainerSightings extends Omit<DiscoveredContainer, 'image'> {
  readonly images: readonly ImageSighting[];
}

export interface Findings extends Omit<DiscoveredCluster, 'containers'> {
  readonly containers: readonly ContainerSightings[];
  /** Number of series that were skipped because a label is missing. */
  readonly malformedSeries: number;
}

/**
 * Joins the results by namespace, kind and name, and applies the filter again for profiles whose queries have no place for it. Drops workloads whose
 * namespace, and containers whose workload, was not found.
 * Rejects with the signal's reason once it aborts.
 */
export async function readWorkloads(results: DiscoverySeries, filter: DiscoveryFilter, signal?: AbortSignal): Promise<Findings> {
  const filters = nameFilters(filter);
  const passing = (kind: DiscoveredKind) => {
    const names = results[kind].flatMap(({ labels }) => labels[kind] || []);
    return passingNames(names, filters[kind], signal);
  };
  const namespaces = await passing('namespace');
  const workloads = workloadsOf(results, namespaces, await passing('workload'));
  const containerNames = await passing('container');
  const containers = readContainers(results.container).filter(
    (found) => workloads.has(workloadKey(found)) && containerNames.has(found.container),
  );
  return {
    namespaces: [...namespaces].sort(),
    workloads: [...workloads.values()].sort(inOrder),
    containers: containers.sort(inOrder),
    malformedSeries: countMalformed(results),
  };
}

/** The containers in a container query's result, with all their images. */
export function readContainers(series: readonly PrometheusSeries[]): ContainerSightings[] {
  const complete = series.filter(({ labels, samples }) => readWorkload(labels) && labels.container && labels.image && samples.length > 0);
  const groups = groupBy(complete, ({ labels }) =>
    JSON.stringify([labels.namespace, labels.workload_type, labels.workload, labels.container]),
  );
  return [...groups.values()].map(readContainer);
}

/** The findings with one image per container. */
export function toCluster({ namespaces, workloads, containers }: Findings): DiscoveredCluster {
  return {
    namespaces,
    workloads,
    containers: containers.map(({ images, ...container }) => ({ ...container, image: chooseImage(images) })),
  };
}

/** Identifies a container within a cluster. */
export function containerKey(container: ContainerSightings): string {
  return JSON.stringify([container.namespace, container.workloadType, container.workload, container.container]);
}

function workloadKey({ namespace, workloadType, workload }: DiscoveredWorkload): string {
  return JSON.stringify([namespace, workloadType, workload]);
}

/** The workloads by key. */
function workloadsOf(
  results: DiscoverySeries,
  namespaces: ReadonlySet<string>,
  workloadNames: ReadonlySet<string>,
): Map<string, DiscoveredWorkload> {
  const read = (series: readonly PrometheusSeries[]) => series.flatMap(({ labels }) => readWorkload(labels) ?? []);
  const excluded = new Set(read(results.excluded).map(workloadKey));
  const wanted = read(results.workload).filter(
    (found) => namespaces.has(found.namespace) && workloadNames.has(found.workload) && !excluded.has(workloadKey(found)),
  );
  return new Map(wanted.map((workload) => [workloadKey(workload), workload]));
}

/** Reads the series of one container. Each has a sample. */
function readContainer(series: readonly PrometheusSeries[]): ContainerSightings {
  const labels = series[0]?.labels ?? {};
  return {
    ...(readWorkload(labels) as DiscoveredWorkload),
    container: labels.container ?? '',
    pods: maxPods(series),
    images: series.map(({ labels: { image = '' }, samples }) => {
      return { image, firstSeconds: samples[0]![0], lastSeconds: samples.at(-1)![0] };
    }),
  };
}

/** The query's value is the number of pods per image, so the pods of a container are the sum over its images. */
function maxPods(series: readonly PrometheusSeries[]): number {
  const sums = new Map<number, number>();
  for (const [time, value] of series.flatMap(({ samples }) => samples)) {
    const pods = Number(value);
    if (Number.isFinite(pods)) sums.set(time, (sums.get(time) ?? 0) + pods);
  }
  let max = 1;
  for (const sum of sums.values()) max = Math.max(max, Math.ceil(sum - 1e-6));
  return max;
}

function readWorkload({ namespace, workload, workload_type }: PrometheusSeries['labels']): DiscoveredWorkload | undefined {
  return namespace && workload && workload_type ? { namespace, workload, workloadType: workload_type } : undefined;
}

function countMalformed({ namespace, workload, container }: DiscoverySeries): number {
  const isMissing = (series: readonly PrometheusSeries[], names: readonly string[]) =>
    series.filter(({ labels }) => names.some((name) => !labels[name])).length;
  const ofWorkload = ['namespace', 'workload', 'workload_type'];
  return (
    isMissing(namespace, ['namespace']) + isMissing(workload, ofWorkload) + isMissing(container, [...ofWorkload, 'container', 'image'])
  );
}

function inOrder(a: DiscoveredWorkload & { container?: string }, b: DiscoveredWorkload & { container?: string }): number {
  return (
    compareTexts(a.namespace, b.namespace) ||
    compareTexts(a.workload, b.workload) ||
    compareTexts(a.workloadType, b.workloadType) ||
    compareTexts(a.container ?? '', b.container ?? '')
  );
}
