import type { Experiment } from './experiment.js';

/** Bounds of one shard; `pods` keeps a shard's queries below the sample limit of datasources. */
export interface ShardBounds {
  readonly experiments: number;
  readonly pods: number;
}

/** How many sizes are tried to make shards alike. */
const mostTries = 8;

/**
 * Cuts experiments into shards so that one shard is one region of one datasource: a namespace stays whole where it fits,
 * small namespaces share a shard, and container and namespace experiments (other queries) do not mix.
 */
export function planShards<E extends Experiment>(experiments: readonly E[], bounds: ShardBounds): E[][] {
  const regions = regionsOf(experiments);
  const fewest = cut(regions, bounds);
  const whole = regions.filter((region) => fits(region, bounds)).map(({ length }) => length);
  const least = Math.max(Math.ceil(experiments.length / Math.max(1, fewest.length)), ...whole);
  const step = Math.max(1, Math.ceil((bounds.experiments - least) / mostTries));
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
