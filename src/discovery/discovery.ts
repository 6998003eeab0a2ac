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
import type { FindContext, QueryUnion, SeriesFinder } from './series-finder.js';

export interface DiscoveryResult {
  readonly cluster: DiscoveredCluster;
  /** The datasource's warnings, without duplicates; empty if every result is complete. */
  readonly warnings: readonly string[];
}

/** Window lengths for finding the latest image if it changed within a window. The last is below any usual scrape interval. */
const finerWindowsMs = [900_000, 60_000, 5_000];

type Find = (queries: readonly QueryUnion[], windows: Instants) => Promise<(readonly PrometheusSeries[])[]>;

const log = logOf('discovery');

/** Finds the workloads of a datasource. */
export class Discovery {
  constructor(
    private readonly finder: SeriesFinder,
    private readonly settings: Pick<Settings, 'USAGE_OVERLAP'>,
  ) {}

  /** Rejects with a DatasourceError, or with a MetadataProfileError if the profile does not support the filter. Without `days`, results are not cached. */
  async discover(request: DiscoveryRequest, signal?: AbortSignal, days?: KeptDays): Promise<DiscoveryResult> {
    const failed = new AbortController();
    const warnings = new Set<string>();
    const context = {
      datasource: request.datasource,
      capabilities: request.capabilities,
      onBrokenChunks: request.onBrokenChunks,
      warnings,
      signal: AbortSignal.any(signal ? [signal, failed.signal] : [failed.signal]),
    };
    // Each running query adds a listener; Node warns above ten.
    setMaxListeners(0, context.signal);
    const parts = planWindows(request.measurementSeconds, request.nowSeconds, request.timeRange);
    try {
      const found = await this.findWorkloads(request, parts, context, days);
      if (found.malformedSeries > 0)
        log.warn({ datasource: request.datasource.name, series: found.malformedSeries }, 'series with missing labels skipped');
      const find: Find = (queries, windows) => this.finder.find(context, queries, windows);
      const containers = await resolveImages(request, found.containers, parts, find);
      // PostgreSQL cannot store some characters that labels may contain.
      return storable({ cluster: toCluster({ ...found, containers }), warnings: [...warnings] });
    } catch (error) {
      // Cancel the other queries of this discovery.
      failed.abort();
      throw error;
    }
  }

  /** Runs the profile's three queries and those for excluded labels, concurrently. */
  private async findWorkloads(
    request: DiscoveryRequest,
    parts: readonly Instants[],
    context: FindContext,
    days?: KeptDays,
  ): Promise<Findings> {
    const results = await Promise.all(
      parts.map((windows) => {
        const queries = queriesOf(request, windows);
        const query = (each: FindContext) => this.finder.find(each, queries, windows);
        const key = days && this.keyOf(request, queries, windows);
        return key === undefined ? query(context) : days!.find(key, context, query);
      }),
    );
    const [namespace = [], workload = [], container = [], ...excluded] = joinParts(results);
    return readWorkloads({ namespace, workload, container, excluded: excluded.flat() }, request.filter, context.signal);
  }

  private keyOf({ datasource, nowSeconds }: DiscoveryRequest, queries: readonly QueryUnion[], windows: Instants): string | undefined {
    return keyOfDays(datasource, queries, windows, { nowSeconds, overlapSeconds: this.settings.USAGE_OVERLAP });
  }
}

/** Cache keys of the days that a discovery can reuse from earlier ones. */
export function keysOfDays(request: DiscoveryRequest, { USAGE_OVERLAP: overlapSeconds }: Pick<Settings, 'USAGE_OVERLAP'>): string[] {
  const { datasource, nowSeconds } = request;
  return planWindows(request.measurementSeconds, nowSeconds, request.timeRange).flatMap(
    (windows) => keyOfDays(datasource, queriesOf(request, windows), windows, { nowSeconds, overlapSeconds }) ?? [],
  );
}

function queriesOf({ metadataProfile, filter }: DiscoveryRequest, { lengthMs }: Instants): QueryUnion[] {
  const scope = { filter, lengthMs };
  const wanted = discoveredKinds.map((kind) => [planDiscoveryQuery(metadataProfile, kind, scope)]);
  const exclusions = (['workload', 'container'] as const).map((kind) => planExclusionQueries(metadataProfile, kind, scope));
  return [...wanted, ...exclusions.filter(({ length }) => length > 0)];
}

/** Queries ever shorter windows for the containers whose latest window saw several images. */
async function resolveImages(
  request: DiscoveryRequest,
  containers: readonly ContainerSightings[],
  parts: readonly Instants[],
  find: Find,
): Promise<ContainerSightings[]> {
  const settled = new Map(containers.map((container) => [containerKey(container), container]));
  let open = containers.filter(hasSeveralImages);
  let previousMs = Number.POSITIVE_INFINITY;
  for (const finerMs of finerWindowsMs) {
    const groups = groupBy(open, ({ images }) => latestImages(images)[0]?.lastSeconds ?? 0);
    const refined = await Promise.all(
      [...groups].map(([endSeconds, group]) => {
        const coarseMs = Math.min(previousMs, lengthAt(parts, endSeconds) ?? previousMs);
        return coarseMs <= finerMs ? group : refine(request, group, planFinerWindows(endSeconds, coarseMs, finerMs), find);
      }),
    );
    for (const container of refined.flat()) settled.set(containerKey(container), container);
    open = refined.flat().filter(hasSeveralImages);
    previousMs = finerMs;
  }
  return [...settled.values()];
}

/** The containers as seen by finer windows, without those that these windows did not see. */
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
