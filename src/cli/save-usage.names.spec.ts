import { readExperimentName } from './save-usage.js';

const container = { type: 'container', namespace: 'shop', workload: 'cart', workloadType: 'deployment', container: 'app', image: '' };

it.each([
  ['shop/deployment/cart/app', { ...container, datasource: '', clusterName: 'default' }],
  ['prometheus-1|default|shop|cart(deployment)|app', { ...container, datasource: 'prometheus-1', clusterName: 'default' }],
  ['p|c|shop|a(b)(deployment)|app', { ...container, workload: 'a(b)', datasource: 'p', clusterName: 'c' }],
  ['shop', { type: 'namespace', namespace: 'shop', datasource: '', clusterName: 'default' }],
  ['p|c|shop', { type: 'namespace', namespace: 'shop', datasource: 'p', clusterName: 'c' }],
])('reads %s', (name, experiment) => {
  expect(readExperimentName(name)).toEqual({ name, pods: expect.any(Number), ...experiment });
});

it.each(['', 'a/b', 'a/b/c', 'a/b/c/d/e', 'p|shop', 'p|c|shop|cart|app', 'p|c|shop|cart(deployment)|', '|'])(
  'returns undefined for "%s"',
  (name) => {
    expect(readExperimentName(name)).toBeUndefined();
  },
);
