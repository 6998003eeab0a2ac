import type { ContainerExperiment } from '../experiments/experiment.js';
import { parsePromql } from '../promql/expression.js';
import { hpaTargetsQuery, oomKillsQuery, readHpaResources, readOomKills } from './evidence-reader.js';

const cart: ContainerExperiment = {
  ...{ type: 'container', name: 'n', datasource: 'd', clusterName: 'c', pods: 1, image: 'i' },
  ...{ namespace: 'shop', workload: 'cart', workloadType: 'statefulset', container: 'app' },
};
const odd: ContainerExperiment = { ...cart, namespace: 'a"}) or vector(1) #', workload: 'w\\', container: 'c{' };

it.each(['workload', 'container'] as const)('writes valid PromQL for names with special characters in scope %s', (scope) => {
  expect(parsePromql(oomKillsQuery([cart, odd], scope))).toBeDefined();
  expect(parsePromql(hpaTargetsQuery([cart, odd]))).toBeDefined();
});

const place = { namespace: 'shop', container: 'app' };

it.each([
  ['its container', place, [{ atSeconds: 60, limitBytes: 5 }]],
  ['its workload', { ...place, workload: 'cart', workload_type: 'statefulset' }, [{ atSeconds: 60, limitBytes: 5 }]],
  ['another workload', { ...place, workload: 'till', workload_type: 'statefulset' }, []],
  ['another kind', { ...place, workload: 'cart', workload_type: 'deployment' }, []],
  ['another container', { ...place, container: 'proxy' }, []],
])('reads kills of a series of %s', (_, labels, kills) => {
  expect(readOomKills([{ labels, samples: [[60, '5']] }], cart)).toEqual(kills);
});

it('ignores limits that are not positive numbers', () => {
  const samples = [
    [60, 'NaN'],
    [120, '0'],
    [180, '+Inf'],
  ] as const;

  expect(readOomKills([{ labels: place, samples }], cart)).toEqual([]);
});

const target = { namespace: 'shop', scaletargetref_kind: 'StatefulSet', scaletargetref_name: 'cart', metric_name: 'memory' };

it.each([
  ['the workload', target, ['memory']],
  ['another workload', { ...target, scaletargetref_name: 'till' }, []],
  ['another kind', { ...target, scaletargetref_kind: 'Deployment' }, []],
  ['another namespace', { ...target, namespace: 'bank' }, []],
  ['another metric', { ...target, metric_name: 'requests' }, []],
])('reads an autoscaler of %s', (_, labels, resources) => {
  expect(readHpaResources([{ labels, samples: [[60, '80']] }], cart)).toEqual(resources);
});
