import type { ContainerExperiment } from '../experiments/experiment.js';
import { planPresenceQueries } from './presence-queries.js';

const experiment = (namespace: string, container: string, workload = 'w'): ContainerExperiment => ({
  ...{ type: 'container', name: `${namespace}/${workload}/${container}`, datasource: 'p', clusterName: 'default', pods: 1, image: 'i' },
  ...{ namespace, workload, workloadType: 'deployment', container },
});
const two = [experiment('shop', 'cart'), experiment('bank', 'a"b')];
const both = 'namespace=~"bank|shop", container=~"a\\"b|cart"';

it.each([
  ['jvm_info', `group by (namespace, container) (jvm_info{${both}})`],
  ['jvm_info{}', `group by (namespace, container) (jvm_info{${both}})`],
  ['jvm_info{area="heap",}', `group by (namespace, container) (jvm_info{area="heap", ${both}})`],
  ['{__name__="jvm_info"}', `group by (namespace, container) ({__name__="jvm_info", ${both}})`],
  [
    'a{} * on(namespace, pod) group_left(l) b{l="Quarkus"}',
    `group by (namespace, container) (a{${both}} * on(namespace, pod) group_left(l) b{l="Quarkus"})`,
  ],
])('asks %s of all containers at once, with filters in the first selector', (presence, query) => {
  expect(planPresenceQueries(presence, two)).toEqual([{ query, experiments: two, tellsApart: true }]);
});

it.each(['sum(jvm_info)', 'absent(jvm_info)', 'count by (pod) (jvm_info{a="b"})'])(
  'asks %s once for each name of a container, since its answer tells no names',
  (presence) => {
    const [first, again, other] = [experiment('shop', 'cart', 'one'), experiment('shop', 'cart', 'two'), experiment('bank', 'cart')];

    const planned = planPresenceQueries(presence, [first, other, again]);

    expect(planned.map(({ experiments, tellsApart }) => ({ experiments, tellsApart }))).toEqual([
      { experiments: [first, again], tellsApart: false },
      { experiments: [other], tellsApart: false },
    ]);
    expect(planned[0]!.query).toContain('namespace="shop", container="cart"}');
  },
);

it('asks nothing of nobody', () => {
  expect(planPresenceQueries('jvm_info', [])).toEqual([]);
});
