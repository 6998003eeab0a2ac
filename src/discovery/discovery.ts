import { setMaxListeners } from 'node:events';
import { storable } from '../database/database-error.js';
import type { PrometheusSeries } from '../datasource/datasource-client.js';
import { discoveredKinds } from '../profiles/metadata-profile.js';
import { groupBy } from '../promql/labels.js';
import { logOf } from '../settings/logger.js';
import type { Settings } from '../settings/settings-schema.js';
import { KeptDays, keyOfDays } from './kept-days.js';
import {
  DiscoveryRequest,
  type Instants,
  lengthAt,
  planDiscoveryQuery,
  planExclusionQueries,
  planFinerWindows,
  planWindows,
} from './plan-discovery.js';
import {
  type ContainerSightings,
  containerKey,
  type DiscoveredCluster,
  type Findings,
  joinParts,
  latestImages,
  readContainers,
  readWorkloads,
  refineSightings,
  toCluster,
} from './read-workloads.js';
import type { Asking, Question, SeriesFinder } from './series-finder.js';

export interface DiscoveryResult {
  readonly cluster: DiscoveredCluster;
  /** Texts of partial answers, each once; empty when everything was answered. */
  readonly warnings: readonly string[];
}

/** Lengths of the windows that tell images apart whose change fell into one window. The last is below any usual scrape interval. */
const finerWindowsMs = [900_000, 60_000, 5_000];

type Find = (questions: readonly Question[], windows: Instants) => Promise<(readonly PrometheusSeries[])[]>;

const log = logOf('discovery');

/** Finds the workloads of a datasource. */
export class Discovery {
  constructor(
    private readonly finder: SeriesFinder,
    private readonly settings: Pick<Settings, 'USAGE_OVERLAP'>,
  ) {}

  /** Rejects with a DatasourceError, or with a MetadataProfileError if the profile cannot do what the filter requests. Without `days` nothing is kept. */
  async discover(request: DiscoveryRequest, signal?: AbortSignal, days?: KeptDays): Promise<DiscoveryResult> {
    const failed = new AbortController();
    const warnings = new Set<string>();
    const asking = {
      datasource: request.datasource,
      capabilities: request.capabilities,
      onBrokenChunks: request.onBrokenChunks,
      warnings,
      signal: AbortSignal.any(signal ? [signal, failed.signal] : [failed.signal]),
    };
    // Each question on its way listens; Node warns of more than ten.
    setMaxListeners(0, asking.signal);
    const parts = planWindows(request.measurementSeconds, request.nowSeconds, request.timeRange);
    try {
      const found = await this.findWorkloads(request, parts, asking, days);
      if (found.malformedSeries > 0)
        log.warn({ datasource: request.datasource.name, series: found.malformedSeries }, 'series without a label left out');
      const find: Find = (questions, windows) => this.finder.find(asking, questions, windows);
      const containers = await tellImagesApart(request, found.containers, parts, find);
      // Labels may hold any text; rows may not.
      return storable({ cluster: toCluster({ ...found, containers }), warnings: [...warnings] });
    } catch (error) {
      // The other questions of this discovery need no answer any more.
      failed.abort();
      throw error;
    }
  }

  /** The profile's three queries, and those for excluded labels, at once. */
  private async findWorkloads(request: DiscoveryRequest, parts: readonly Instants[], asking: Asking, days?: KeptDays): Promise<Findings> {
    const answers = await Promise.all(
      parts.map((windows) => {
        const questions = questionsAbout(request, windows);
        const ask = (each: Asking) => this.finder.find(each, questions, windows);
        const key = days && this.keyOf(request, questions, windows);
        return key === undefined ? ask(asking) : days!.find(key, asking, ask);
      }),
    );
    const [namespace = [], workload = [], container = [], ...excluded] = joinParts(answers);
    return readWorkloads({ namespace, workload, container, excluded: excluded.flat() }, request.filter, asking.signal);
  }

  private keyOf({ datasource, nowSeconds }: DiscoveryRequest, questions: readonly Question[], windows: Instants): string | undefined {
    return keyOfDays(datasource, questions, windows, { nowSeconds, overlapSeconds: this.settings.USAGE_OVERLAP });
  }
}

/** The keys of the days that a discovery can take from earlier ones. */
export function keysOfDays(request: DiscoveryRequest, { USAGE_OVERLAP: overlapSeconds }: Pick<Settings, 'USAGE_OVERLAP'>): string[] {
  const { datasource, nowSeconds } = request;
  return planWindows(request.measurementSeconds, nowSeconds, request.timeRange).flatMap(
    (windows) => keyOfDays(datasource, questionsAbout(request, windows), windows, { nowSeconds, overlapSeconds }) ?? [],
  );
}

function questionsAbout({ metadataProfile, filter }: DiscoveryRequest, { lengthMs }: Instants): Question[] {
  const scope = { filter, lengthMs };
  const wanted = discoveredKinds.map((kind) => [planDiscoveryQuery(metadataProfile, kind, scope)]);
  const exclusions = (['workload', 'container'] as const).map((kind) => planExclusionQueries(metadataProfile, kind, scope));
  return [...wanted, ...exclusions.filter(({ length }) => length > 0)];
}

/** Asks finer and finer about the containers whose latest window saw several images. */
async function tellImagesApart(
  request: DiscoveryRequest,
  containers: readonly ContainerSightings[],
  parts: readonly Instants[],
  find: Find,
): Promise<ContainerSightings[]> {
  const settled = new Map(containers.map((container) => [containerKey(container), container]));
  let open = containers.filter(hasSeveralImages);
  let askedMs = Number.POSITIVE_INFINITY;
  for (const finerMs of finerWindowsMs) {
    const groups = groupBy(open, ({ images }) => latestImages(images)[0]?.lastSeconds ?? 0);
    const refined = await Promise.all(
      [...groups].map(([endSeconds, group]) => {
        const coarseMs = Math.min(askedMs, lengthAt(parts, endSeconds) ?? askedMs);
        return coarseMs <= finerMs ? group : refine(request, group, planFinerWindows(endSeconds, coarseMs, finerMs), find);
      }),
    );
    for (const container of refined.flat()) settled.set(containerKey(container), container);
    open = refined.flat().filter(hasSeveralImages);
    askedMs = finerMs;
  }
  return [...settled.values()];
}

/** The containers as finer windows saw them; those that were not seen are left out. */
async function refine(
  { metadataProfile, filter }: DiscoveryRequest,
  containers: readonly ContainerSightings[],
  windows: Instants,
  find: Find,
): Promise<ContainerSightings[]> {
  const namespaces = [...new Set(containers.map(({ namespace }) => namespace))];
  const query = planDiscoveryQuery(metadataProfile, 'container', { filter, lengthMs: windows.lengthMs, namespaces });
  const [series = []] = await find([[query]], windows);
  const seen = new Map(readContainers(series).map((container) => [containerKey(container), container]));
  return containers.flatMap((container) => {
    const images = refineSightings(container.images, seen.get(containerKey(container))?.images ?? []);
    return images ? [{ ...container, images }] : [];
  });
}

function hasSeveralImages({ images }: ContainerSightings): boolean {
  return latestImages(images).length > 1;
}
