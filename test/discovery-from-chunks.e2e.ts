import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { UsageReaderName } from '../src/datasource/datasource.js';
import type { PrometheusSeries } from '../src/datasource/datasource-client.js';
import { DatasourceError } from '../src/datasource/datasource-error.js';
import { Discovery } from '../src/discovery/discovery.js';
import { readDiscoveryShape } from '../src/discovery/discovery-shape.js';
import { computeFromChunks } from '../src/discovery/from-chunks.js';
import type { DiscoveryFilter } from '../src/discovery/name-filter.js';
import { durationText, type Instants, planWindows, startOf, type TimeRange } from '../src/discovery/plan-discovery.js';
import { MetadataProfiles } from '../src/profiles/metadata-profile.js';
import { readSettings } from '../src/settings/read-settings.js';
import { openSizer } from '../src/sizing/open-sizer.js';
import { roughOwners } from './rough-owners.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { makeTempFolder, removeTempFolder } from './servers/temp-folder.js';

const daySeconds = 86_400;
/** Midnight, so that scrapes are on the boundaries of windows. */
const endSeconds = 1_795_219_200;
const days = 6;
/** Series do not have this label, but remote read adds it to them. */
const externalLabels = { cluster: 'east', region: 'eu' };
const shipped = new MetadataProfiles({ CONFIG_DIR: undefined }).find('cluster-metadata-local-monitoring')!;

const settings = readSettings({ DATASOURCE_CONCURRENCY: '4', DATASOURCE_TIMEOUT_MS: '60000', DATASOURCE_RETRY_MS: '0' });
const { client, finder, capabilities, close } = openSizer(settings);
const discovery = new Discovery(finder, settings);
let server: PrometheusServer;

beforeAll(async () => {
  const folder = makeTempFolder('rough-owners');
  const file = join(folder, 'metrics.om');
  writeFileSync(file, roughOwners({ seed: 3, endSeconds, days, stepSeconds: 300 }));
  server = await startPrometheus({ openMetrics: [file], externalLabels });
  rmSync(file);
  removeTempFolder(folder);
  // Tests count remote reads: those of the probe come before.
  for (const usageReader of ['auto', 'promql'] as const) await capabilities.of(datasource(usageReader));
});

afterAll(async () => {
  close();
  await server?.stop();
});

const datasource = (usageReader: UsageReaderName) =>
  ({
    name: usageReader,
    provider: 'prometheus',
    url: server.url,
    authentication: { type: 'none' },
    insecureSkipVerify: false,
    usageReader,
  }) as const;

/** Requests to the server so far. */
async function requestsTo(path: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const counts = [...text.matchAll(/^prometheus_http_requests_total\{[^}]*handler="([^"]*)"[^}]*\} (\S+)$/gm)];
  return counts.filter(([, handler]) => handler === path).reduce((sum, [, , count]) => sum + Number(count), 0);
}

const discover = async (usageReader: UsageReaderName, filter: DiscoveryFilter, timeRange?: TimeRange) =>
  discovery.discover({
    datasource: datasource(usageReader),
    capabilities: await capabilities.of(datasource(usageReader)),
    metadataProfile: shipped,
    filter,
    measurementSeconds: 900,
    nowSeconds: endSeconds,
    ...(timeRange && { timeRange }),
  });

/** The days before the end, shifted by `beside` seconds. */
const lastDays = (count: number, beside = 0): TimeRange => ({
  startSeconds: endSeconds - count * daySeconds + beside,
  endSeconds: endSeconds + beside,
});

describe('discovery from chunks and by PromQL', () => {
  const whole = lastDays(days);
  it.each<[string, DiscoveryFilter, TimeRange, number]>([
    ['everything', {}, whole, 40],
    ['everything of a time beside the scrapes', {}, lastDays(days - 1, -123.456), 40],
    ['everything of a time that starts before the data', {}, lastDays(days * 2), 40],
    ['everything of a day', {}, lastDays(1, -2 * daySeconds), 20],
    ['everything of thirteen hours', {}, lastDays(13 / 24, -3 * daySeconds), 10],
    ['some namespaces', { include: { namespace: ['shop.*'] }, exclude: { namespace: ['shop'] } }, whole, 10],
    ['a namespace of odd characters', { include: { namespace: ['a"b\\\\c'] } }, whole, 10],
    ['some workloads and containers', { include: { workload: ['w-[01].*'] }, exclude: { containers: ['proxy'] } }, whole, 10],
    ['everything that a label includes', { include: { namespaces: ['shop'], labels: { team: 'red' } } }, whole, 0],
    ['everything except what labels exclude', { exclude: { labels: { team: 'red', pod: 'pod-3' } } }, whole, 10],
    ['nothing for an external label', { include: { labels: { cluster: 'east' } } }, whole, 0],
    ['everything if an external label is excluded', { exclude: { labels: { cluster: 'east' } } }, whole, 40],
    ['everything that lacks a label', { include: { labels: { region: '' } } }, whole, 40],
  ])('find the same workloads: %s', async (_, filter, timeRange, atLeast) => {
    const readsBefore = await requestsTo('/api/v1/read');
    const [promql, chunks] = [await discover('promql', filter, timeRange), await discover('auto', filter, timeRange)];
    expect(chunks).toEqual(promql);
    expect(promql.cluster.containers.length).toBeGreaterThanOrEqual(atLeast);
    expect(await requestsTo('/api/v1/read')).toBeGreaterThan(readsBefore);
  });

  it('use PromQL without a time range', async () => {
    const readsBefore = await requestsTo('/api/v1/read');
    expect(await discover('auto', {})).toEqual(await discover('promql', {}));
    expect(await requestsTo('/api/v1/read')).toBe(readsBefore);
  });
});

/** Queries of the forms that can be evaluated from chunks, over the three metrics. */
const queries = (() => {
  const metric = fc.constantFrom('kube_namespace_status_phase', 'namespace_workload_pod:kube_pod_owner:relabel', 'kube_pod_container_info');
  const matchers = fc.constantFrom('', 'namespace=~"shop.*"', "team!='', image !~ `app.*`", 'team=""', 'workload!="", pod=~"pod-1?[0-4]"');
  const windowFunction = fc.constantFrom('avg', 'min', 'max', 'sum', 'count', 'last').map((name) => `${name}_over_time`);
  const labels = fc.uniqueArray(fc.constantFrom('namespace', 'workload', 'workload_type', 'container', 'image', 'pod', 'team', 'nothing'), {
    maxLength: 4,
  });
  const vector = (window: string) =>
    fc.tuple(windowFunction, metric, matchers).map(([name, of, which]) => `${name}(${of}{${which}}[${window}])`);
  const side = (window: string, on: string) =>
    fc.tuple(vector(window), fc.boolean(), fc.constantFrom('', ' > bool 0', ' > bool 70')).map(([inner, isTop, above]) => {
      return `(${isTop ? `topk by (${on}) (1, ${inner})` : inner}${above})`;
    });
  const on = fc.constantFrom('namespace, pod', 'pod, namespace', 'pod', 'namespace');
  const include = fc.constantFrom('workload, workload_type', 'phase', '');
  return (window: string) =>
    fc.oneof(
      fc.tuple(labels, vector(window)).map(([by, inner]) => `sum by (${by.join(', ')}) (${inner})`),
      fc
        .tuple(labels, vector(window), on, include)
        .chain(([by, inner, key, taken]) =>
          side(window, key).map((other) => `sum by (${by.join(', ')}) (${inner} * on (${key}) group_left (${taken}) ${other})`),
        ),
    );
})();

/** Each part, repeated once per window. */
const byCount = (parts: readonly Instants[]): Instants[] => parts.flatMap((part) => Array.from({ length: part.count }, () => part));

/** Series as comparable lines: labels, then instants with values to ten digits. */
function describeSeries(series: readonly PrometheusSeries[]): string[] {
  const lines = series.map(({ labels, samples }) => {
    const values = samples.map(([seconds, value]) => `${seconds}=${Number(Number(value).toPrecision(10))}`);
    return `${JSON.stringify(Object.entries(labels).sort())} ${values.join(' ')}`;
  });
  return lines.sort();
}

async function queryPromql(query: string, windows: Instants): Promise<readonly PrometheusSeries[] | undefined> {
  const range = { query, startSeconds: startOf(windows), endSeconds: windows.endSeconds, stepSeconds: windows.lengthMs / 1000 };
  try {
    return (await client.queryRange(datasource('auto'), range)).series;
  } catch (error) {
    if (error instanceof DatasourceError && error.failure === 'refused-query') return undefined;
    throw error;
  }
}

describe('queries of a known form', () => {
  const cases = fc
    .record({
      hours: fc.integer({ min: 2, max: days * 24 }),
      endsBefore: fc.oneof(
        fc.integer({ min: 0, max: 288 }).map((steps) => steps * 300),
        fc.integer({ min: 0, max: daySeconds }),
      ),
      windowHours: fc.constantFrom(undefined, 1, 30),
    })
    .chain(({ hours, endsBefore, windowHours }) => {
      const to = endSeconds - endsBefore;
      return fc.constantFrom(...byCount(planWindows(900, to, { startSeconds: to - hours * 3600, endSeconds: to }))).chain((windows) =>
        fc.record({
          windows: fc.constant(windows),
          query: queries(windowHours ? `${windowHours}h` : durationText(windows.lengthMs)),
        }),
      );
    });

  it('have the same results from chunks as in Prometheus, and none if Prometheus rejects them', async () => {
    const count = { equal: 0, samples: 0, refused: 0, left: 0 };
    await fc.assert(
      fc.asyncProperty(cases, async ({ query, windows }) => {
        const shape = readDiscoveryShape(query)!;
        const request = { datasource: datasource('auto'), windows, boundary: 'closed' as const };
        const [[chunks], promql] = await Promise.all([computeFromChunks(client, request, [shape]), queryPromql(query, windows)]);
        if (!chunks) count[promql ? 'left' : 'refused']++;
        else {
          expect(describeSeries(chunks)).toEqual(promql && describeSeries(promql));
          count.equal++;
          count.samples += chunks.reduce((sum, { samples }) => sum + samples.length, 0);
        }
      }),
      { numRuns: 300, seed: 20_261_121 },
    );
    expect(count.equal).toBeGreaterThan(150);
    expect(count.samples).toBeGreaterThan(1_500);
    expect(count.refused).toBeGreaterThan(3);
    expect(count.left).toBeLessThan(60);
  });
});
