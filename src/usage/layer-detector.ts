import { runTogether } from '../calls/abort.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceClient, type PrometheusSeries } from '../datasource/datasource-client.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import type { ContainerExperiment, Experiment } from '../experiments/experiment.js';
import { belongsTo, type OwnedPod, planPodOwners, podKey, readPodOwners } from '../owners/owner-sources.js';
import { groupByName, nameKey, nameMatchers, readSharedNames } from '../owners/places.js';
import { Layers } from '../profiles/layer.js';
import { applyEdits, childrenOf, nodesNamed, parsePromql } from '../promql/expression.js';
import { matchAnyOf } from '../promql/matcher.js';
import type { Layer } from '../recommendation/settings.js';
import { logOf } from '../settings/logger.js';
import type { Settings } from '../settings/settings-schema.js';

/** A query that detects a layer: the result has series for the containers that have it. */
export interface PresenceQuery {
  readonly query: string;
  /** The containers that the query selects. */
  readonly experiments: readonly ContainerExperiment[];
  /** The series have the labels `namespace` and `container`. Otherwise any series counts for all `experiments`. */
  readonly hasNameLabels: boolean;
}

/** Whether a presence query aggregates or calls a function such as `absent`, so that its result loses the labels of the containers. */
function mixesSeries(presence: string): boolean {
  const top = parsePromql(presence);
  return !top || ['AggregateExpr', 'FunctionCall'].some((name) => nodesNamed(top, name).length > 0);
}

/**
 * Narrows a presence query to many containers at once. The filters for namespaces and names go into its first selector, as in Kruize. A query that
 * mixes series is sent once per (namespace, container).
 */
export function planPresenceQueries(presence: string, experiments: readonly ContainerExperiment[]): PresenceQuery[] {
  if (experiments.length === 0) return [];
  if (mixesSeries(presence)) {
    return groupByName(experiments).map((alike) => ({
      query: `group(${narrowed(presence, alike)})`,
      experiments: alike,
      hasNameLabels: false,
    }));
  }
  return [{ query: `group by (namespace, container) (${narrowed(presence, experiments)})`, experiments, hasNameLabels: true }];
}

/** Like a query of `planPresenceQueries`, with the label `pod` in its result. Only for presence queries that do not mix series. */
function planPodsQuery(presence: string, experiments: readonly ContainerExperiment[]): string {
  return `group by (namespace, container, pod) (${narrowed(presence, experiments)})`;
}

/** Narrows a presence query that mixes series to one container in the given pods. */
function planQueryOfPods(presence: string, experiment: ContainerExperiment, pods: readonly string[]): PresenceQuery {
  const query = `group(${narrowed(presence, [experiment], [matchAnyOf('pod', pods)])})`;
  return { query, experiments: [experiment], hasNameLabels: false };
}

function narrowed(query: string, experiments: readonly ContainerExperiment[], more: readonly string[] = []): string {
  const top = parsePromql(query);
  const [selector] = top ? nodesNamed(top, 'VectorSelector') : [];
  if (!selector) return query;
  const matchers = childrenOf(selector).find(({ name }) => name === 'LabelMatchers');
  const given = matchers ? childrenOf(matchers).map(({ from, to }) => query.slice(from, to)) : [];
  const text = `{${[...given, nameMatchers(experiments), ...more].join(', ')}}`;
  return applyEdits(query, [{ from: matchers?.from ?? selector.to, to: matchers?.to ?? selector.to, text }]);
}

/** The experiments whose layers to detect, and the instant (Unix seconds). */
export interface LayerRequest {
  readonly datasource: Datasource;
  readonly experiments: readonly Experiment[];
  readonly atSeconds: number;
  /** Workloads outside `experiments` may have containers of the same names, so pods are always checked. */
  readonly mayShareNames?: boolean;
}

/** Detects the registered layers of containers. */
export class LayerDetector {
  constructor(
    private readonly client: DatasourceClient,
    private readonly layers: Layers,
    private readonly settings: Pick<Settings, 'USAGE_SCOPE'>,
  ) {}

  /**
   * Returns the layers of each experiment, in order; none for namespaces. Sends one query per presence query, whatever the number of experiments, and
   * none if no layer is registered. With USAGE_SCOPE `workload`, a few more queries distinguish containers of different workloads that share namespace
   * and name, by their pods. A query that the datasource rejects counts as empty, as in Kruize. Rejects with a DatasourceError on any other failure.
   */
  async detect({ experiments, ...place }: LayerRequest, signal?: AbortSignal): Promise<Layer[][]> {
    const { registered } = this.layers;
    const containers = experiments.filter((experiment) => experiment.type === 'container');
    const search = new PresenceSearch(this.client, { ...place, containers, scope: this.settings.USAGE_SCOPE });
    const searches = registered.map(({ presence }) => async (stop: AbortSignal) => {
      if (presence === 'always') return new Set(containers);
      const queries = presence.map((query) => (stopQuery: AbortSignal) => search.find(query, stopQuery));
      return new Set((await runTogether(queries, stop)).flat());
    });
    const found = await runTogether(searches, signal);
    return experiments.map((experiment) =>
      registered.flatMap(({ name }, index) => (found[index]!.has(experiment as ContainerExperiment) ? [name] : [])),
    );
  }
}

const log = logOf('usage');

interface PresenceScope extends Omit<LayerRequest, 'experiments'> {
  readonly containers: readonly ContainerExperiment[];
  readonly scope: Settings['USAGE_SCOPE'];
}

/**
 * Finds the containers that match presence queries. Results identify a container by namespace and name. If several workloads share these, the owners of the
 * pods decide, as for usage. If the datasource has no owners of pods, all containers of that name match.
 */
class PresenceSearch {
  private readonly shared: ReadonlySet<ContainerExperiment>;
  private owned: Promise<readonly OwnedPod[]> | undefined;

  constructor(
    private readonly client: DatasourceClient,
    private readonly request: PresenceScope,
  ) {
    const { containers, scope, mayShareNames } = request;
    const shared = mayShareNames ? new Set(containers) : readSharedNames(containers);
    this.shared = scope === 'workload' ? shared : new Set();
  }

  /** The containers that match the presence query; none if the datasource rejects the query. Rejects with a DatasourceError on any other failure. */
  async find(presence: string, signal: AbortSignal): Promise<ContainerExperiment[]> {
    const { containers } = this.request;
    if (mixesSeries(presence)) return this.findMixed(presence, signal);
    const seen = await this.matching(planPresenceQueries(presence, containers), signal);
    const ambiguous = seen.filter((container) => this.shared.has(container));
    if (ambiguous.length === 0) return seen;
    const certain = seen.filter((container) => !this.shared.has(container));
    return [...certain, ...(await this.matchPods(presence, ambiguous, signal))];
  }

  /** The containers whose own pods have the series; all, if the pods of the namespace are unknown or the series have no label `pod`. */
  private async matchPods(
    presence: string,
    ambiguous: readonly ContainerExperiment[],
    signal: AbortSignal,
  ): Promise<ContainerExperiment[]> {
    const [series, owned] = await Promise.all([this.query(planPodsQuery(presence, ambiguous), signal), this.ownedPods(signal)]);
    const seen = new Set(series.map(({ labels }) => nameKey(labels) + podKey(labels)));
    return ambiguous.filter((container) => {
      const pods = owned.filter(({ namespace }) => namespace === container.namespace);
      const isKnown = pods.length > 0 && !seen.has(nameKey(container) + podKey({ namespace: container.namespace }));
      return !isKnown || pods.some((pod) => belongsTo(pod, container) && seen.has(nameKey(container) + podKey(pod)));
    });
  }

  /** Sends a query that mixes series separately for the pods of each container that shares its name. */
  private async findMixed(presence: string, signal: AbortSignal): Promise<ContainerExperiment[]> {
    const { containers } = this.request;
    const owned = this.shared.size === 0 ? [] : await this.ownedPods(signal);
    const isKnown = (container: ContainerExperiment) =>
      this.shared.has(container) && owned.some((pod) => pod.namespace === container.namespace);
    const together = containers.filter((container) => !isKnown(container));
    const apart = containers.filter(isKnown).flatMap((container) => {
      const pods = owned.filter((pod) => belongsTo(pod, container)).map(({ pod }) => pod);
      return pods.length > 0 ? [planQueryOfPods(presence, container, pods)] : [];
    });
    return this.matching([...planPresenceQueries(presence, together), ...apart], signal);
  }

  /** The containers for which the queries return series. */
  private async matching(queries: readonly PresenceQuery[], signal: AbortSignal): Promise<ContainerExperiment[]> {
    const tasks = queries.map(({ query, experiments, hasNameLabels }) => async (stop: AbortSignal) => {
      const series = await this.query(query, stop);
      if (!hasNameLabels) return series.length > 0 ? experiments : [];
      const seen = new Set(series.map(({ labels }) => nameKey(labels)));
      return experiments.filter((container) => seen.has(nameKey(container)));
    });
    return (await runTogether(tasks, signal)).flat();
  }

  private async query(query: string, signal: AbortSignal): Promise<readonly PrometheusSeries[]> {
    const { datasource, atSeconds } = this.request;
    try {
      return (await this.client.query(datasource, { query, timeSeconds: atSeconds }, signal)).series;
    } catch (error) {
      if (!(error instanceof DatasourceError) || error.failure !== 'refused-query') throw error;
      log.warn({ datasource: datasource.name, error: error.message }, 'the datasource rejects a layer query: it counts as empty');
      return [];
    }
  }

  /** The pods in the namespaces of shared names, queried once for all presence queries: by the recording rule, or else from kube-state-metrics. */
  private ownedPods(signal: AbortSignal): Promise<readonly OwnedPod[]> {
    this.owned ??= this.queryOwnedPods(signal);
    return this.owned;
  }

  private async queryOwnedPods(signal: AbortSignal): Promise<readonly OwnedPod[]> {
    const { datasource, atSeconds: timeSeconds } = this.request;
    const namespaces = [...this.shared].map(({ namespace }) => namespace);
    for (const source of ['rule', 'kube-state-metrics'] as const) {
      const queries = planPodOwners(source, namespaces);
      const results = await Promise.all(queries.map((query) => this.client.query(datasource, { query, timeSeconds }, signal)));
      const series = results.map((result) => result.series);
      const owned = readPodOwners(source, series);
      if (owned.length > 0) return owned;
    }
    return [];
  }
}
