import { createHash } from 'node:crypto';
import type { DiscoveredCluster } from '../discovery/read-workloads.js';
import type { Experiment, ExperimentType } from '../experiments/experiment.js';

/** What a job makes experiments of. */
export interface ExperimentPlan {
  readonly nameFormat: string;
  readonly clusterName: string;
  readonly types: readonly ExperimentType[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** Experiments that would bear one name. */
export interface NameClash {
  readonly name: string;
  readonly experiments: readonly Experiment[];
}

/** One experiment for every container and namespace found that the plan asks for; those that share a name are told apart from the rest. */
export function planExperiments(
  found: readonly { readonly datasource: string; readonly cluster: DiscoveredCluster }[],
  plan: ExperimentPlan,
): { experiments: Experiment[]; clashes: NameClash[] } {
  const byName = new Map<string, Experiment[]>();
  for (const { datasource, cluster } of found) {
    for (const experiment of experimentsOf(datasource, cluster, plan)) {
      const same = byName.get(experiment.name);
      if (same) same.push(experiment);
      else byName.set(experiment.name, [experiment]);
    }
  }
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

/** What the placeholders of `experimentNameFormat` stand for; a namespace experiment has no workload and no container. */
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

/** PostgreSQL's index entries hold 2,704 bytes. */
const maxBytes = 2_500;

/**
 * The name of an experiment after Kruize's format (spec: bulk-and-kafka.md 3.7). Without labels `%label:key%` stays as it is;
 * a key that the labels lack becomes `unknown<key>`. Where a namespace experiment leaves placeholders empty, `()` and separators around them go.
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
  const cut = parts.workload === undefined ? withoutWorkload(format) : format;
  const name = cut.replaceAll(/%(label:)?([a-zA-Z0-9_]+)%/g, (placeholder, isLabel, key) =>
    isLabel ? labelValue(placeholder, key, parts.labels) : (own(values, key) ?? placeholder),
  );
  return shortened(name);
}

function labelValue(placeholder: string, key: string, labels: NameParts['labels']): string {
  if (!labels || Object.keys(labels).length === 0) return placeholder;
  return own(labels, key) ?? `unknown${key}`;
}

/** A format may say `%constructor%`: what every object inherits is no value. */
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

/** A name too long for an index keeps its beginning; a hash keeps it unique. */
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

/** How many sizes are tried to make shards alike. */
const maxTries = 8;

/**
 * Cuts experiments into shards so that one shard is one region of one datasource: a namespace stays whole where it fits,
 * small namespaces share a shard, and container and namespace experiments (other queries) do not mix.
 */
export function planShards<E extends Experiment>(experiments: readonly E[], bounds: ShardBounds): E[][] {
  const regions = regionsOf(experiments);
  const fewest = cut(regions, bounds);
  const whole = regions.filter((region) => fits(region, bounds)).map(({ length }) => length);
  const least = Math.max(Math.ceil(experiments.length / Math.max(1, fewest.length)), ...whole);
  const step = Math.max(1, Math.ceil((bounds.experiments - least) / maxTries));
  // As many shards of like size: none is left over at the end for one thread while the others have nothing to do.
  for (let most = least; most < bounds.experiments; most += step) {
    const even = cut(regions, { ...bounds, experiments: most });
    if (even.length === fewest.length) return even;
  }
  return fewest;
}

function cut<E extends Experiment>(regions: readonly (readonly E[])[], bounds: ShardBounds): E[][] {
  const shards: E[][] = [];
  let open: E[] = [];
  for (const region of regions) {
    if (!isSameKind(open, region) || (!fits([...open, ...region], bounds) && fits(region, bounds))) open = [];
    for (const experiment of region) {
      if (!fits([...open, experiment], bounds)) open = [];
      if (open.length === 0) shards.push(open);
      open.push(experiment);
    }
  }
  return shards;
}

/** Experiments of one type, datasource and namespace, in the order of their names. */
function regionsOf<E extends Experiment>(experiments: readonly E[]): E[][] {
  const regions = new Map<string, E[]>();
  for (const experiment of [...experiments].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const key = JSON.stringify([experiment.type, experiment.datasource, experiment.namespace]);
    const region = regions.get(key);
    if (region) region.push(experiment);
    else regions.set(key, [experiment]);
  }
  return [...regions.keys()].sort().map((key) => regions.get(key)!);
}

function isSameKind(open: readonly Experiment[], region: readonly Experiment[]): boolean {
  return open.length === 0 || (open[0].type === region[0].type && open[0].datasource === region[0].datasource);
}

function fits(experiments: readonly Experiment[], bounds: ShardBounds): boolean {
  return experiments.length <= bounds.experiments && experiments.reduce((sum, { pods }) => sum + pods, 0) <= bounds.pods;
}

/** An experiment as it was planned; `existed`: an earlier job made it. */
export type PlannedExperiment = Experiment & { readonly existed: boolean };
