import type { DiscoveredCluster, DiscoveredContainer } from '../discovery/read-workloads.js';
import { type ExperimentPlan, planExperiments } from './plan-experiments.js';

const plan: ExperimentPlan = {
  nameFormat: '%datasource%|%clustername%|%namespace%|%workloadname%(%workloadtype%)|%containername%',
  clusterName: 'default',
  types: ['container'],
};

function container(over: Partial<DiscoveredContainer> = {}): DiscoveredContainer {
  return { namespace: 'shop', workload: 'web', workloadType: 'deployment', container: 'app', image: 'app:1', pods: 2, ...over };
}

function found(datasource: string, ...containers: DiscoveredContainer[]): { datasource: string; cluster: DiscoveredCluster } {
  const namespaces = [...new Set(containers.map(({ namespace }) => namespace))];
  return { datasource, cluster: { namespaces, workloads: containers, containers } };
}

const namesOf = (planned: readonly { name: string }[]) => planned.map(({ name }) => name);

describe('planExperiments', () => {
  it('makes one experiment per container', () => {
    const { experiments, clashes } = planExperiments([found('prometheus-1', container(), container({ container: 'proxy' }))], plan);
    expect(clashes).toEqual([]);
    expect(experiments[0]).toEqual({
      type: 'container',
      name: 'prometheus-1|default|shop|web(deployment)|app',
      datasource: 'prometheus-1',
      clusterName: 'default',
      ...container(),
    });
    expect(namesOf(experiments)).toEqual([
      'prometheus-1|default|shop|web(deployment)|app',
      'prometheus-1|default|shop|web(deployment)|proxy',
    ]);
  });

  it('makes requested namespace experiments with the pods of all their containers', () => {
    const cluster = found('p', container(), container({ workload: 'db', pods: 3 }));
    const { experiments } = planExperiments([cluster], { ...plan, types: ['namespace'] });
    expect(experiments).toEqual([
      { type: 'namespace', name: 'p|default|shop', datasource: 'p', clusterName: 'default', namespace: 'shop', pods: 5 },
    ]);
  });

  it('counts a namespace without containers as one pod', () => {
    const empty = { datasource: 'p', cluster: { namespaces: ['empty'], workloads: [], containers: [] } };
    expect(planExperiments([empty], { ...plan, types: ['namespace'] }).experiments).toMatchObject([{ namespace: 'empty', pods: 1 }]);
  });

  it('makes both types, and nothing from an empty discovery', () => {
    const both = planExperiments([found('p', container())], { ...plan, types: ['container', 'namespace'] });
    expect(both.experiments.map(({ type }) => type)).toEqual(['container', 'namespace']);
    expect(planExperiments([], plan)).toEqual({ experiments: [], clashes: [] });
  });

  it.each<[string, Partial<DiscoveredContainer>]>([
    ['namespace', { namespace: 'other' }],
    ['workload', { workload: 'api' }],
    ['kind of workload', { workloadType: 'statefulset' }],
    ['container', { container: 'proxy' }],
  ])('distinguishes containers by %s', (_what, difference) => {
    const { experiments, clashes } = planExperiments([found('p', container(), container(difference))], plan);
    expect([experiments.length, clashes.length]).toEqual([2, 0]);
  });

  it('distinguishes containers by datasource', () => {
    expect(planExperiments([found('a', container()), found('b', container())], plan).experiments).toHaveLength(2);
  });

  it('groups experiments that share a name and keeps the others', () => {
    const cluster = found('p', container(), container({ container: 'proxy' }), container({ namespace: 'alone' }));
    const { experiments, clashes } = planExperiments([cluster], { ...plan, nameFormat: '%namespace%' });
    expect(namesOf(experiments)).toEqual(['alone']);
    expect(clashes).toMatchObject([{ name: 'shop', experiments: [{ container: 'app' }, { container: 'proxy' }] }]);
  });

  it('finds clashes between datasources, and between a namespace and its container', () => {
    const ofTwo = planExperiments([found('a', container()), found('b', container())], { ...plan, nameFormat: '%namespace%' });
    expect(ofTwo.clashes).toMatchObject([{ name: 'shop', experiments: [{ datasource: 'a' }, { datasource: 'b' }] }]);
    const types = ['container', 'namespace'] as const;
    const mixed = planExperiments([found('a', container())], { ...plan, nameFormat: '%namespace%', types });
    expect(mixed.clashes).toMatchObject([{ name: 'shop', experiments: [{ type: 'container' }, { type: 'namespace' }] }]);
  });

  it('uses the labels of the request in names', () => {
    const { experiments } = planExperiments([found('p', container())], {
      ...plan,
      nameFormat: '%label:org%|%containername%',
      labels: { org: 'O' },
    });
    expect(namesOf(experiments)).toEqual(['O|app']);
  });
});
