import { readFileSync } from 'node:fs';
import { recommend } from '../recommendation/recommend.js';
import { explain } from './explain.js';
import { readUsageFile } from './read-usage-file.js';

const folder = new URL('../../test/fixtures/recommendations/in/', import.meta.url);
const fileOf = (name: string, more: object = {}) =>
  readUsageFile({ ...(JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as object), ...more });
const textOf = (name: string, more: object = {}) => explain(fileOf(name, more)).join('\n');

it.each([
  'container shop/cart, 5 intervals of 15 min, from 2024-06-10T05:13:57.000Z to 2024-06-10T06:13:57.000Z',
  'short_term: window from 2024-06-09T06:13:57.000Z, 5 intervals present, 5 of them after its start, 2 needed: available',
  'medium_term: window from 2024-06-03T06:13:57.000Z, 5 intervals present, 5 of them after its start, 192 needed: too few',
  'percentile 60 of 5 values is index 2 of 0..4 in ascending order: 1.2000000000000002 cores, from the interval that ends at 2024-06-10T05:28:57.000Z',
  'spike: percentile 100 of 5 values is index 4 of 0..4 in ascending order: 89500000 bytes (85.4 MiB)',
  'A = peak + 20 % = 420000000 bytes (400.5 MiB); B = peak + spike + 5 % of the spike = 443975000 bytes (423.4 MiB); the smaller is used: A',
  'limits: 2 cores configured, recommended -40.000 %, beyond the threshold of 0.1 %: a change is recommended',
])('explains a recommendation of several cores: %s', (line) => {
  expect(textOf('w2_multicore')).toContain(line);
});

it.each([
  'the largest peak is below one core, so it is used instead of the percentile: percentile 100 of 4 values',
  'requests: 0.5 cores configured, recommended +0.000 %, within the threshold of 0.1 %: the configured amount is kept',
  'limits: not configured',
  'the smaller is used: B',
  'notification: 323004 Workload is optimised wrt CPU REQUESTS, no changes needed',
])('explains a recommendation below one core: %s', (line) => {
  expect(textOf('s1_small')).toContain(line);
});

it('explains why a resource has no recommendation', () => {
  expect(textOf('s9_idle_nomem')).toContain(
    'memory: no recommendation: Memory Usage is zero, No Memory Recommendations can be generated (324001)',
  );
});

it('explains the recommendation of a namespace', () => {
  expect(textOf('s6_namespace')).toMatch(/^exp1: namespace shop, 200 intervals/);
});

it('says that a file has no samples', () => {
  expect(textOf('s7_empty')).toBe('exp1: container shop/cart, 0 intervals of 15 min: no samples, so there is no recommendation');
});

it('explains how extras changed an amount', () => {
  const text = textOf('w2_multicore', { recommendation_settings: { bounds: { cpu: { max: 1 } } } });

  expect(text).toContain('CPU Recommendation Lowered To The Given Maximum (393002)');
  expect(text).toContain('so the amount is 1 cores');
  expect(text).toContain('requests: 1 cores configured, recommended +0.000 %');
});

it.each(['w2_multicore', 's1_small', 's2_full', 's6_namespace', 'e6_thr10'])('mentions every recommended or kept amount of %s', (name) => {
  const { usage, settings } = fileOf(name);
  const [instant] = Object.values(recommend(usage, settings).data);
  const engines = Object.values(instant!.recommendation_terms).flatMap((term) => Object.values(term.recommendation_engines ?? {}));
  const amounts = engines.flatMap(({ config }) => Object.values(config.requests ?? {}).map(({ amount }) => amount));

  expect(amounts.length).toBeGreaterThan(0);
  for (const amount of amounts) expect(textOf(name)).toContain(` ${amount} `);
});
