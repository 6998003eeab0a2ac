import * as fc from 'fast-check';
import type { Experiment } from '../experiments/experiment.js';
import { planShards, type ShardBounds } from './plan-experiments.js';

type Shape = Pick<Experiment, 'type' | 'datasource' | 'namespace' | 'pods'>;

function experimentOf({ type, ...shape }: Shape, index: number): Experiment {
  const base = { ...shape, name: `e${index}`, clusterName: 'default' };
  if (type === 'namespace') return { ...base, type };
  return { ...base, type, workload: 'w', workloadType: 'deployment', container: 'c', image: 'i' };
}

const shapes = fc.array(
  fc.record<Shape>({
    type: fc.constantFrom('container', 'namespace'),
    datasource: fc.constantFrom('a', 'b'),
    namespace: fc.constantFrom('n1', 'n2', 'n3', 'n"|\\'),
    pods: fc.integer({ min: 1, max: 12 }),
  }),
  { maxLength: 60 },
);
const bounds = fc.record<ShardBounds>({ experiments: fc.integer({ min: 1, max: 12 }), pods: fc.integer({ min: 1, max: 40 }) });

/** Checks a claim for generated plans. */
function always(claim: (shards: Experiment[][], experiments: Experiment[], limits: ShardBounds) => void): void {
  fc.assert(
    fc.property(shapes, bounds, (drawn, limits) => {
      const experiments = drawn.map(experimentOf);
      claim(planShards(experiments, limits), experiments, limits);
    }),
  );
}

const podsOf = (experiments: readonly Experiment[]) => experiments.reduce((sum, { pods }) => sum + pods, 0);
const fits = (experiments: readonly Experiment[], limits: ShardBounds) =>
  experiments.length <= limits.experiments && podsOf(experiments) <= limits.pods;
const regionOf = ({ type, datasource, namespace }: Experiment) => JSON.stringify([type, datasource, namespace]);

describe('planShards', () => {
  it('puts every experiment into exactly one shard', () => {
    always((shards, experiments) => {
      const planned = shards.flat().map(({ name }) => name);
      expect(planned.sort()).toEqual(experiments.map(({ name }) => name).sort());
      expect(shards.every(({ length }) => length > 0)).toBe(true);
    });
  });

  it('keeps the bounds, except for a single experiment that is too large', () => {
    always((shards, _experiments, limits) => {
      for (const shard of shards) expect(fits(shard, limits) || shard.length === 1).toBe(true);
    });
  });

  it('separates types and datasources', () => {
    always((shards) => {
      for (const shard of shards) expect(new Set(shard.map(({ type, datasource }) => `${type} ${datasource}`)).size).toBe(1);
    });
  });

  it('keeps a namespace in one shard if it fits', () => {
    always((shards, experiments, limits) => {
      for (const region of new Set(experiments.map(regionOf))) {
        if (
          !fits(
            experiments.filter((experiment) => regionOf(experiment) === region),
            limits,
          )
        )
          continue;
        expect(shards.filter((shard) => shard.some((experiment) => regionOf(experiment) === region))).toHaveLength(1);
      }
    });
  });

  it('returns the same shards for any order of the experiments', () => {
    fc.assert(
      fc.property(shapes, bounds, fc.nat(), (drawn, limits, rotation) => {
        const experiments = drawn.map(experimentOf);
        const at = rotation % (experiments.length || 1);
        const rotated = [...experiments.slice(at), ...experiments.slice(0, at)];
        expect(planShards(rotated, limits)).toEqual(planShards(experiments, limits));
      }),
    );
  });

  it('lets small namespaces share a shard', () => {
    const drawn = ['n1', 'n2', 'n3'].map((namespace): Shape => ({ type: 'container', datasource: 'a', namespace, pods: 2 }));
    expect(planShards(drawn.map(experimentOf), { experiments: 100, pods: 2_000 })).toHaveLength(1);
    expect(planShards(drawn.map(experimentOf), { experiments: 100, pods: 4 })).toHaveLength(2);
  });

  it('makes shards of similar size without adding shards', () => {
    const drawn = Array.from(
      { length: 13 },
      (_, place): Shape => ({ type: 'container', datasource: 'a', namespace: `n${place}`, pods: 1 }),
    );
    const sizes = planShards(drawn.map(experimentOf), { experiments: 6, pods: 2_000 }).map(({ length }) => length);
    expect(sizes).toEqual([5, 5, 3]);
  });

  it('returns no shards without experiments', () => expect(planShards([], { experiments: 1, pods: 1 })).toEqual([]));
});
