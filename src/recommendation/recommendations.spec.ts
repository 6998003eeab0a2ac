import { describeExperiment, type Recommendations } from './recommendations.js';

const recommendations: Recommendations = { version: '1.0', notifications: {}, data: {} };
const base = { name: 'exp1', clusterName: 'default', namespace: 'shop' };
const cart = { ...base, type: 'container', workload: 'wl', workloadType: 'deployment', container: 'cart' } as const;

it("describes a container with its keys in Kruize's order", () => {
  expect(JSON.stringify(describeExperiment({ ...cart, image: 'img:1' }, recommendations))).toBe(
    '{"cluster_name":"default","experiment_type":"container","kubernetes_objects":[{"type":"deployment","name":"wl","namespace":"shop",' +
      '"containers":[{"container_image_name":"img:1","container_name":"cart","recommendations":{"version":"1.0","notifications":{},"data":{}}}]}],' +
      '"version":"v2.0","experiment_name":"exp1"}',
  );
});

it('leaves out an unknown image', () => {
  expect(describeExperiment(cart, recommendations).kubernetes_objects).toEqual([
    { type: 'deployment', name: 'wl', namespace: 'shop', containers: [{ container_name: 'cart', recommendations }] },
  ]);
});

it('describes a namespace as an object without a workload', () => {
  expect(describeExperiment({ ...base, type: 'namespace' }, recommendations)).toEqual({
    cluster_name: 'default',
    experiment_type: 'namespace',
    kubernetes_objects: [{ namespace: 'shop', containers: [], namespaces: { namespace: 'shop', recommendations } }],
    version: 'v2.0',
    experiment_name: 'exp1',
  });
});
