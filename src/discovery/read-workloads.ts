import type { PrometheusSeries } from '../datasource/datasource-client.js';
import type { DiscoveredKind } from '../profiles/metadata-profile.js';
import { groupBy } from '../promql/labels.js';
import { type DiscoveryFilter, nameFilters, passingNames } from './name-filter.js';

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

/** When a container was seen with an image: first and last instant of the windows that saw it, epoch seconds. */
export interface ImageSighting {
  readonly image: string;
  readonly firstSeconds: number;
  readonly lastSeconds: number;
}

/** The first and the last instant of a series. */
export function readSighting(image: string, { samples }: PrometheusSeries): ImageSighting | undefined {
  const first = samples[0];
  const last = samples[samples.length - 1];
  return first && last && { image, firstSeconds: first[0], lastSeconds: last[0] };
}

/** Images that the latest window saw; several = the window is too long to tell which came last. */
export function latestImages(sightings: readonly ImageSighting[]): ImageSighting[] {
  const latest = Math.max(...sightings.map(({ lastSeconds }) => lastSeconds));
  return sightings.filter(({ lastSeconds }) => lastSeconds === latest);
}

/** The image to show: of the latest window, there the one that appeared later (a rollout under way), then by name. */
export function chooseImage(sightings: readonly ImageSighting[]): string {
  const byAppearance = (a: ImageSighting, b: ImageSighting) => b.firstSeconds - a.firstSeconds || (a.image < b.image ? -1 : 1);
  return latestImages(sightings).sort(byAppearance)[0]?.image ?? '';
}

/**
 * The latest images as finer windows over their latest window saw them; undefined where those saw none of them
 * (windows shorter than the distance of two samples).
 */
export function refineSightings(coarse: readonly ImageSighting[], finer: readonly ImageSighting[]): ImageSighting[] | undefined {
  const refined = latestImages(coarse).flatMap((sighting) => {
    const seen = finer.find(({ image }) => image === sighting.image);
    const appearedBefore = sighting.firstSeconds < sighting.lastSeconds;
    return seen ? [{ ...seen, firstSeconds: appearedBefore ? sighting.firstSeconds : seen.firstSeconds }] : [];
  });
  return refined.length > 0 ? refined : undefined;
}

type Answers = readonly (readonly PrometheusSeries[])[];

/** The answers to the same questions about parts of a range, in the order of time, as answers about the whole: series of equal labels become one. */
export function joinParts(parts: readonly Answers[]): Answers {
  const [first = [], ...later] = parts;
  return later.length === 0 ? first : first.map((_, question) => joinSeries(parts.flatMap((answers) => answers[question] ?? [])));
}

function joinSeries(series: readonly PrometheusSeries[]): PrometheusSeries[] {
  const joined = new Map<string, PrometheusSeries>();
  for (const { labels, samples } of series) {
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    joined.set(key, { labels, samples: [...(joined.get(key)?.samples ?? []), ...samples] });
  }
  return [...joined.values()];
}

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
