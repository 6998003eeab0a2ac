import { exampleContainer, exampleDatasource } from '../../../test/examples.js';
import type { Authentication, Datasource } from '../../datasource/datasource.js';
import type { Experiment } from '../../experiments/experiment.js';
import type { MetricProfile } from '../../profiles/metric-profile.js';
import { windowKeys } from './window-key.js';

const container = exampleContainer();
const datasource = exampleDatasource({ url: 'http://one' });
const profileOf = (query: string): MetricProfile => ({
  name: 'p',
  variables: new Map([['cpuUsage', { name: 'cpuUsage', kubernetesObject: 'container', queries: { avg: query } }]]),
});
const keyOf = (
  over: {
    experiment?: Experiment;
    datasource?: Partial<Datasource>;
    query?: string;
    scope?: 'container';
    endSeconds?: number;
    stepSeconds?: number;
  } = {},
) =>
  windowKeys(
    {
      datasource: { ...datasource, ...over.datasource },
      experiments: [over.experiment ?? container],
      endSeconds: over.endSeconds ?? 1800,
      stepSeconds: over.stepSeconds ?? 900,
    },
    profileOf(over.query ?? 'up'),
    over.scope ?? 'workload',
  )[0];
const as = (authentication: Authentication) => ({ datasource: { authentication } });

describe('windowKeys', () => {
  it('are UUIDs', () => {
    expect(keyOf()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  it.each([
    ['the end moves by a step', { endSeconds: 2700 }],
    ['the image, the name or the number of pods changes', { experiment: { ...container, image: 'j', name: 'm', pods: 7 } }],
    ['certificates are no longer verified', { datasource: { insecureSkipVerify: true } }],
    ['a token changes', as({ type: 'bearer', token: 'x' })],
  ])('stay the same if %s', (_, over) => {
    expect(keyOf(over)).toBe(keyOf());
  });

  it.each([
    ['datasource', { datasource: { name: 'other' } }],
    ['address', { datasource: { url: 'http://two' } }],
    ['tenant by header', as({ type: 'api_key', header: 'X-Scope-OrgID', apiKey: 'a' })],
    ['tenant by user', as({ type: 'basic', username: '1', password: 'x' })],
    ['query', { query: 'down' }],
    ['scope', { scope: 'container' as const }],
    ['step', { stepSeconds: 1800 }],
    ['phase', { endSeconds: 1801 }],
    ['namespace', { experiment: { ...container, namespace: 'x' } }],
    ['workload', { experiment: { ...container, workload: 'x' } }],
    ['kind', { experiment: { ...container, workloadType: 'statefulset' } }],
    ['container', { experiment: { ...container, container: 'x' } }],
    ['type', { experiment: { ...container, type: 'namespace' as const } }],
  ])('differ for another %s', (_, over) => {
    expect(keyOf(over)).not.toBe(keyOf());
  });

  it('stay the same if a password changes', () => {
    const basic = (password: string) => as({ type: 'basic', username: 'u', password });
    expect(keyOf(basic('a'))).toBe(keyOf(basic('b')));
  });
});
