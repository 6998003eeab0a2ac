import { runTogether } from '../calls/abort.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceClient, type PrometheusSeries } from '../datasource/datasource-client.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import type { ContainerExperiment, Experiment } from '../experiments/experiment.js';
import { belongsTo, type OwnedPod, planPodOwners, podKey, readPodOwners } from '../owners/owner-sources.js';
import { groupByName, nameKey, readSharedNames } from '../owners/places.js';
import { Layers, type RegisteredLayer } from '../profiles/layer.js';
import { applyEdits, childrenOf, type Edit, nodesNamed, parsePromql } from '../promql/expression.js';
import { matchAnyOf } from '../promql/matcher.js';
import type { Layer } from '../recommendation/settings.js';
import { logOf } from '../settings/logger.js';
import type { Settings } from '../settings/settings-schema.js';

/** Whether the containers have what the query looks for: its answer has a series for each that does. */
export interface PresenceQuery {
  readonly query: string;
  /** Whose presence the answer tells. */
  readonly experiments: readonly ContainerExperiment[];
  /** By the labels `namespace` and `container`; else any series speaks for all of them. */
  readonly tellsApart: boolean;
}

/** Whether a presence query aggregates, or calls a function such as `absent`, so that its answer does not tell whose series it is made of. */
export function mixesSeries(presence: string): boolean {
  const top = parsePromql(presence);
  return !top || ['AggregateExpr', 'FunctionCall'].some((name) => nodesNamed(top, name).length > 0);
}

/**
 * The queries that ask a presence query of many containers at once: filters for their namespaces and names go into its first selector, where the
 * reference puts them too (spec: recommendations.md 10.1). A query that mixes series is asked once for each (namespace, container).
 */
export function planPresenceQueries(presence: string, experiments: readonly ContainerExperiment[]): PresenceQuery[] {
  if (experiments.length === 0) return [];
  if (mixesSeries(presence)) {
    return groupByName(experiments).map((alike) => ({
      query: `group(${narrowed(presence, alike)})`,
      experiments: alike,
      tellsApart: false,
    }));
  }
  return [{ query: `group by (namespace, container) (${narrowed(presence, experiments)})`, experiments, tellsApart: true }];
}

/** The query whose answer tells the pods too, by the label `pod`; for a presence query that does not mix series. */
export function planPodsQuery(presence: string, experiments: readonly ContainerExperiment[]): string {
  return `group by (namespace, container, pod) (${narrowed(presence, experiments)})`;
}

/** A presence query that mixes series, of one container in these pods. */
export function planQueryOfPods(presence: string, experiment: ContainerExperiment, pods: readonly string[]): PresenceQuery {
  const query = `group(${narrowed(presence, [experiment], [matchAnyOf('pod', pods)])})`;
  return { query, experiments: [experiment], tellsApart: false };
}

function narrowed(query: string, experiments: readonly ContainerExperiment[], more: readonly string[] = []): string {
  const top = parsePromql(query);
  const [selector] = top ? nodesNamed(top, 'VectorSelector') : [];
  if (!selector) return query;
  const namespaces = matchAnyOf(
    'namespace',
    experiments.map(({ namespace }) => namespace),
  );
  const containers = matchAnyOf(
    'container',
    experiments.map(({ container }) => container),
  );
  const matchers = childrenOf(selector).find(({ name }) => name === 'LabelMatchers');
  const given = matchers ? childrenOf(matchers).map(({ from, to }) => query.slice(from, to)) : [];
  const text = `{${[...given, namespaces, containers, ...more].join(', ')}}`;
  const edit: Edit = matchers ? { from: matchers.from, to: matchers.to, text } : { from: selector.to, to: selector.to, text };
  return applyEdits(query, [edit]);
}

/** Whose layers are wanted, and at which instant. */
export interface LayerRequest {
  readonly datasource: Datasource;
  readonly experiments: readonly Experiment[];
  readonly atSeconds: number;
  /** Workloads that are not among the experiments may have containers of their names, so that pods are looked at in any case. */
  readonly mayShareNames?: boolean;
}

/** Finds which registered layers containers have. */
export class LayerDetector {
  constructor(
    private readonly client: DatasourceClient,
    private readonly layers: Layers,
    private readonly settings: Pick<Settings, 'USAGE_SCOPE'>,
  ) {}

  /**
   * The layers of each experiment, in their order; none for namespaces. Asks one query for each presence query, whatever the number of experiments,
   * and nothing at all where no layer is registered. For USAGE_SCOPE `workload`, containers of different workloads that share namespace and name are
   * told apart by their pods, which takes a few more. A query that the datasource refuses counts as empty, as in the reference; rejects with a
   * DatasourceError when it fails in another way.
   */
  async detect({ datasource, experiments, atSeconds, mayShareNames = false }: LayerRequest, signal?: AbortSignal): Promise<Layer[][]> {
    const { registered } = this.layers;
    const containers = experiments.filter((experiment) => experiment.type === 'container');
    const scope = this.settings.USAGE_SCOPE;
    const search = new PresenceSearch(this.client, { datasource, containers, atSeconds, scope, mayShareNames });
    const found = await runTogether(
      registered.map((layer) => (stop: AbortSignal) => withLayer(layer, containers, search, stop)),
      signal,
    );
    return experiments.map((experiment) =>
      registered.flatMap(({ name }, index) => (found[index]!.has(experiment as ContainerExperiment) ? [name] : [])),
    );
  }
}

async function withLayer(
  { presence }: RegisteredLayer,
  containers: readonly ContainerExperiment[],
  search: PresenceSearch,
  signal: AbortSignal,
): Promise<Set<ContainerExperiment>> {
  if (presence === 'always') return new Set(containers);
  const found = await runTogether(
    presence.map((query) => (stop: AbortSignal) => search.find(query, stop)),
    signal,
  );
  return new Set(found.flat());
}

const log = logOf('usage');

/** Among whom, where and when it is searched. */
export interface PresenceScope {
  readonly datasource: Datasource;
  readonly containers: readonly ContainerExperiment[];
  readonly atSeconds: number;
  readonly scope: Settings['USAGE_SCOPE'];
  /** Whether other containers may have the names of these. */
  readonly mayShareNames: boolean;
}

/**
 * Finds the containers that have what presence queries look for. Their answers tell namespace and name of a container; where several workloads share these, it is
 * looked whose pods the series are of, as usage is told apart. A datasource that knows no pods' owners leaves the answer with all who share the name.
 */
export class PresenceSearch {
  private readonly shared: ReadonlySet<ContainerExperiment>;
  private owned: Promise<readonly OwnedPod[]> | undefined;

  constructor(
    private readonly client: DatasourceClient,
    private readonly asked: PresenceScope,
  ) {
    const { containers, scope, mayShareNames } = asked;
    const shared = mayShareNames ? new Set(containers) : readSharedNames(containers);
    this.shared = scope === 'workload' ? shared : new Set();
  }

  /** Those of the containers that the presence query answers for. Rejects with a DatasourceError, but a refused query answers nothing. */
  async find(presence: string, signal: AbortSignal): Promise<ContainerExperiment[]> {
    const { containers } = this.asked;
    if (mixesSeries(presence)) return this.findMixed(presence, signal);
    const seen = await this.answered(planPresenceQueries(presence, containers), signal);
    const doubtful = seen.filter((container) => this.shared.has(container));
    if (doubtful.length === 0) return seen;
    const certain = seen.filter((container) => !this.shared.has(container));
    return [...certain, ...(await this.tellApart(presence, doubtful, signal))];
  }

  /** Those whose own pods have the series; all, where nobody knows the pods of the namespace or the series name none. */
  private async tellApart(presence: string, doubtful: readonly ContainerExperiment[], signal: AbortSignal): Promise<ContainerExperiment[]> {
    const [series, owned] = await Promise.all([this.ask(planPodsQuery(presence, doubtful), signal), this.ownedPods(signal)]);
    const seen = new Set(series.map(({ labels }) => nameKey(labels) + podKey(labels)));
    return doubtful.filter((container) => {
      const pods = owned.filter(({ namespace }) => namespace === container.namespace);
      const isTold = pods.length > 0 && !seen.has(nameKey(container) + podKey({ namespace: container.namespace }));
      return !isTold || pods.some((pod) => belongsTo(pod, container) && seen.has(nameKey(container) + podKey(pod)));
    });
  }

  /** A query whose answer does not tell pods is asked of the pods of each container that shares its name. */
  private async findMixed(presence: string, signal: AbortSignal): Promise<ContainerExperiment[]> {
    const { containers } = this.asked;
    const owned = this.shared.size === 0 ? [] : await this.ownedPods(signal);
    const isTold = (container: ContainerExperiment) =>
      this.shared.has(container) && owned.some((pod) => pod.namespace === container.namespace);
    const together = containers.filter((container) => !isTold(container));
    const apart = containers.filter(isTold).flatMap((container) => {
      const pods = owned.filter((pod) => belongsTo(pod, container)).map(({ pod }) => pod);
      return pods.length > 0 ? [planQueryOfPods(presence, container, pods)] : [];
    });
    return this.answered([...planPresenceQueries(presence, together), ...apart], signal);
  }

  /** The containers of the queries that answer anything. */
  private async answered(queries: readonly PresenceQuery[], signal: AbortSignal): Promise<ContainerExperiment[]> {
    const found = await runTogether(
      queries.map(({ query, experiments, tellsApart }) => async (stop: AbortSignal) => {
        const series = await this.ask(query, stop);
        if (!tellsApart) return series.length > 0 ? experiments : [];
        const seen = new Set(series.map(({ labels }) => nameKey(labels)));
        return experiments.filter((container) => seen.has(nameKey(container)));
      }),
      signal,
    );
    return found.flat();
  }

  private async ask(query: string, signal: AbortSignal): Promise<readonly PrometheusSeries[]> {
    const { datasource, atSeconds } = this.asked;
    try {
      return (await this.client.query(datasource, { query, timeSeconds: atSeconds }, signal)).series;
    } catch (error) {
      if (!(error instanceof DatasourceError) || error.failure !== 'refused-query') throw error;
      log.warn({ datasource: datasource.name, error: error.message }, 'a layer query is refused and counts as empty');
      return [];
    }
  }

  /** The pods of the shared names' namespaces, asked once for all presence queries: by the recording rule, else by kube-state-metrics. */
  private ownedPods(signal: AbortSignal): Promise<readonly OwnedPod[]> {
    this.owned ??= this.askOwnedPods(signal);
    return this.owned;
  }

  private async askOwnedPods(signal: AbortSignal): Promise<readonly OwnedPod[]> {
    const { datasource, atSeconds: timeSeconds } = this.asked;
    const namespaces = [...this.shared].map(({ namespace }) => namespace);
    for (const source of ['rule', 'kube-state-metrics'] as const) {
      const queries = planPodOwners(source, namespaces);
      const answers = await Promise.all(queries.map((query) => this.client.query(datasource, { query, timeSeconds }, signal)));
      const owned = readPodOwners(
        source,
        answers.map(({ series }) => series),
      );
      if (owned.length > 0) return owned;
    }
    return [];
  }
}
