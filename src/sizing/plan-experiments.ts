import { createHash } from 'node:crypto';
import type { DiscoveredCluster } from '../discovery/read-workloads.js';
import type { Experiment, ExperimentType } from '../experiments/experiment.js';
import { groupBy } from '../promql/labels.js';

/** Which experiments a job makes and how it names them. */
export interface ExperimentPlan {
  readonly nameFormat: string;
  readonly clusterName: string;
  readonly types: readonly ExperimentType[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** Experiments that would have the same name. */
export interface NameClash {
  readonly name: string;
  readonly experiments: readonly Experiment[];
}

/** Makes one experiment per discovered container and namespace, as the plan requests. Experiments that share a name are returned as clashes. */
export function planExperiments(
  found: readonly { readonly datasource: string; readonly cluster: DiscoveredCluster }[],
  plan: ExperimentPlan,
): { experiments: Experiment[]; clashes: NameClash[] } {
  const all = found.flatMap(({ datasource, cluster }) => [...experimentsOf(datasource, cluster, plan)]);
  const byName = groupBy(all, ({ name }) => name);
  const experiments: Experiment[] = [];
  const clashes: NameClash[] = [];
  for (const [name, same] of byName) {
    if (same.length === 1) experiments.push(same[0]);
    else clashes.push({ name, experiments: same });
  }
  return { experiments, clashes };
}

function* experimentsOf(datasource: string, cluster: DiscoveredCluster, plan: ExperimentPlan): Iterable<Experiment> {
  const { clusterName, nameFormat, labels } = plan;
  const nameOf = (parts: { namespace: string; workload?: string; workloadType?: string; container?: string }) =>
    nameExperiment(nameFormat, { datasource, clusterName, labels, ...parts });
  if (plan.types.includes('container')) {
    for (const { namespace, workload, workloadType, container, image, pods } of cluster.containers) {
      const name = nameOf({ namespace, workload, workloadType, container });
      yield { type: 'container', name, datasource, clusterName, namespace, workload, workloadType, container, image, pods };
    }
  }
  if (plan.types.includes('namespace')) {
    const podsOf = new Map<string, number>();
    for (const { namespace, pods } of cluster.containers) podsOf.set(namespace, (podsOf.get(namespace) ?? 0) + pods);
    for (const namespace of cluster.namespaces) {
      yield { type: 'namespace', name: nameOf({ namespace }), datasource, clusterName, namespace, pods: podsOf.get(namespace) ?? 1 };
    }
  }
}

/** Values for the placeholders of `experimentNameFormat`; a namespace experiment has no workload and no container. */
export interface NameParts {
  readonly datasource: string;
  readonly clusterName: string;
  readonly namespace: string;
  readonly workload?: string;
  readonly workloadType?: string;
  readonly container?: string;
  /** `filter.include.labels` of the request, for `%label:key%`. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** PostgreSQL's index entries have at most 2,704 bytes. */
const maxBytes = 2_500;

/**
 * The name of an experiment in Kruize's format. If the request has no labels, `%label:key%` stays unchanged; if it lacks only this label, the value is
 * `unknown<key>`. For a namespace experiment, empty placeholders are removed with their `()` and separators.
 */
export function nameExperiment(format: string, parts: NameParts): string {
  const values: Readonly<Record<string, string | undefined>> = {
    datasource: parts.datasource,
    clustername: parts.clusterName,
    namespace: parts.namespace,
    workloadname: parts.workload ?? '',
    workloadtype: parts.workloadType ?? '',
    containername: parts.container ?? '',
  };
  const shortFormat = parts.workload === undefined ? withoutWorkload(format) : format;
  const hasLabels = Object.keys(parts.labels ?? {}).length > 0;
  const name = shortFormat.replaceAll(/%(label:)?([a-zA-Z0-9_]+)%/g, (placeholder, isLabel, key) => {
    if (!isLabel) return own(values, key) ?? placeholder;
    return hasLabels ? (own(parts.labels!, key) ?? `unknown${key}`) : placeholder;
  });
  return shortened(name);
}

/** Ignores inherited properties: a format may contain `%constructor%`. */
function own(values: Readonly<Record<string, string | undefined>>, key: string): string | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function withoutWorkload(format: string): string {
  return format
    .replaceAll(/%(workloadname|workloadtype|containername)%/g, '')
    .replaceAll('()', '')
    .replaceAll(/\|{2,}/g, '|')
    .replaceAll(/^\||\|$/g, '');
}

/** Shortens a name that is too long for an index; a hash keeps it unique. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= maxBytes) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `${Buffer.from(name).subarray(0, maxBytes).toString('utf8').replaceAll('\uFFFD', '')}~${hash}`;
}

/** Bounds of one shard; `pods` keeps a shard's queries below the sample limit of datasources. */
export interface ShardBounds {
  readonly experiments: number;
  readonly pods: number;
}

/** Maximum number of sizes that are tried to even out shards. */
const maxTries = 8;

/**
 * Divides experiments into shards of one datasource and type, because container and namespace experiments need different queries. A namespace stays in
 * one shard if it fits; small namespaces share a shard.
 */
export function planShards<E extends Experiment>(experiments: readonly E[], bounds: ShardBounds): E[][] {
  const regions = regionsOf(experiments);
  const fewestShards = cut(regions, bounds);
  const fittingSizes = regions.filter((region) => fits(region, bounds)).map(({ length }) => length);
  const minSize = Math.max(Math.ceil(experiments.length / Math.max(1, fewestShards.length)), ...fittingSizes);
  const step = Math.max(1, Math.ceil((bounds.experiments - minSize) / maxTries));
  // Same number of shards, but similar sizes: no thread is left with a large last shard while the others are idle.
  for (let size = minSize; size < bounds.experiments; size += step) {
    const even = cut(regions, { ...bounds, experiments: size });
    if (even.length === fewestShards.length) return even;
  }
  return fewestShards;
}

function cut<E extends Experiment>(regions: readonly (readonly E[])[], bounds: ShardBounds): E[][] {
  const shards: E[][] = [];
  let open: E[] = [];
  for (const region of regions) {
    const isSameKind = open.length === 0 || (open[0].type === region[0].type && open[0].datasource === region[0].datasource);
    if (!isSameKind || (!fits([...open, ...region], bounds) && fits(region, bounds))) open = [];
    for (const experiment of region) {
      if (!fits([...open, experiment], bounds)) open = [];
      if (open.length === 0) shards.push(open);
      open.push(experiment);
    }
  }
  return shards;
}

/** Groups experiments by type, datasource and namespace, ordered by name. */
function regionsOf<E extends Experiment>(experiments: readonly E[]): E[][] {
  const sorted = [...experiments].sort((a, b) => (a.name < b.name ? -1 : 1));
  const regions = groupBy(sorted, ({ type, datasource, namespace }) => JSON.stringify([type, datasource, namespace]));
  return [...regions.keys()].sort().map((key) => regions.get(key)!);
}

function fits(experiments: readonly Experiment[], bounds: ShardBounds): boolean {
  return experiments.length <= bounds.experiments && experiments.reduce((sum, { pods }) => sum + pods, 0) <= bounds.pods;
}

/** A planned experiment; `existed`: an earlier job made it. */
export type PlannedExperiment = Experiment & { readonly existed: boolean };
