import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exampleCapabilities, exampleDatasource } from '../../test/examples.js';
import { BrokenChunks } from '../datasource/capabilities.js';
import { DatasourceClient } from '../datasource/datasource-client.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { MetadataProfiles } from '../profiles/metadata-profile.js';
import { Discovery, keysOfDays } from './discovery.js';
import { KeptDays } from './kept-days.js';
import { type DiscoveryRequest } from './plan-discovery.js';
import { SeriesFinder } from './series-finder.js';

const now = 1795231800;
const day = 86_400;
type Sample = [number, string];
interface SeenQuery {
  readonly query: string;
  /** Instants, in seconds. */
  readonly instants: readonly number[];
}
/** The server's response to a query: samples by image of one container, or a status; undefined = it never responds. */
type Response = { images?: Record<string, Sample[]>; warnings?: string[]; status?: number } | undefined;

let server: Server | undefined;
let http: DatasourceHttp | undefined;
afterEach(async () => {
  http?.close();
  server?.closeAllConnections();
  await new Promise((done) => server?.close(done));
});

const capabilities = exampleCapabilities({ used: 'promql' });
const settings = { USAGE_OVERLAP: 3600 };

/** Starts a datasource with one workload; `respond` handles the container query. Records all queries. */
async function openDiscovery(respond: (queries: SeenQuery) => Response, warnings = ['partial']) {
  const queries: SeenQuery[] = [];
  let closedEarly = 0;
  server = createServer(async (request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) closedEarly++;
    });
    const form = new URLSearchParams((await request.toArray()).join(''));
    const received = { query: form.get('query') ?? '', instants: instantsOf(form) };
    queries.push(received);
    const isContainer = received.query.includes('kube_pod_container_info');
    const sent: Response = isContainer ? respond(received) : { images: { '': [[received.instants.at(-1) ?? 0, '1']] }, warnings };
    if (!sent) return;
    const result = Object.entries(sent.images ?? {}).map(([image, values]) => ({
      metric: { namespace: 'shop', workload: 'web', workload_type: 'deployment', container: 'app', image },
      values,
    }));
    const body = { status: 'success', data: { resultType: 'matrix', result }, warnings: sent.warnings };
    response.writeHead(sent.status ?? 200).end(JSON.stringify(body));
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  http = new DatasourceHttp({ DATASOURCE_CONCURRENCY: 4, DATASOURCE_TIMEOUT_MS: 2000, DATASOURCE_RETRY_MS: 0 });
  const metadataProfile = new MetadataProfiles({ CONFIG_DIR: undefined }).find('cluster-metadata-local-monitoring');
  if (!metadataProfile) throw new Error('the shipped profile is missing');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const datasource = exampleDatasource({ name: 'p', url });
  const request = { datasource, capabilities, metadataProfile, filter: {}, measurementSeconds: 900, nowSeconds: now };
  const discovery = new Discovery(new SeriesFinder(new DatasourceClient(http), new BrokenChunks()), settings);
  return { discovery, request, queries, closedEarly: () => closedEarly };
}

async function discoverAt(respond: (queries: SeenQuery) => Response, more: Partial<DiscoveryRequest> = {}) {
  const { discovery, request, ...seen } = await openDiscovery(respond);
  return { result: discovery.discover({ ...request, ...more }), ...seen };
}

function instantsOf(form: URLSearchParams): number[] {
  const [time, start, end, step] = ['time', 'start', 'end', 'step'].map((name) => Number(form.get(name)));
  if (time || !start || !end || !step) return [time ?? 0];
  return Array.from({ length: Math.floor((end - start) / step + 1e-9) + 1 }, (_, index) => start + index * step);
}

/** The windows' samples of a series that lived from `from` to `to`. */
const seenBy = ({ instants, query }: SeenQuery, from: number, to: number): Sample[] => {
  const lengthSeconds = Number(/\[(\d+)s\]/.exec(query)?.[1]);
  return instants.filter((instant) => instant >= from && instant - lengthSeconds <= to).map((instant) => [instant, '2']);
};
const livedFrom = (images: Record<string, [number, number]>) => (queries: SeenQuery) => ({
  images: Object.fromEntries(
    Object.entries(images).flatMap(([image, [from, to]]) => {
      const samples = seenBy(queries, from, to);
      return samples.length > 0 ? [[image, samples]] : [];
    }),
  ),
});

describe('Discovery', () => {
  it('sends the three queries once, at now, and returns each warning once', async () => {
    const { result, queries } = await discoverAt(() => ({ images: { 'web:1': [[now, '3']] }, warnings: ['partial', 'store b is away'] }));
    expect(await result).toEqual({
      cluster: {
        namespaces: ['shop'],
        workloads: [{ namespace: 'shop', workload: 'web', workloadType: 'deployment' }],
        containers: [{ namespace: 'shop', workload: 'web', workloadType: 'deployment', container: 'app', image: 'web:1', pods: 3 }],
      },
      warnings: expect.arrayContaining(['partial', 'store b is away']),
    });
    expect((await result).warnings).toHaveLength(2);
    expect(queries.map(({ instants }) => instants)).toEqual([[now], [now], [now]]);
    for (const { query } of queries) expect(query).toContain('[900s]');
  });

  it.each<[string, Record<string, [number, number]>, string, number]>([
    ['the newer of two in different windows', { old: [0, now - 3 * day], new: [now - 3 * day, now] }, 'new', 0],
    ['the newer after a change during the last day', { a: [now - 3600, now], b: [0, now - 3601] }, 'a', 1],
    ['one that came back', { first: [0, now], between: [now - 7200, now - 3600] }, 'first', 1],
    ['the newer if both are running', { old: [0, now], anew: [now - 600, now] }, 'anew', 3],
    ['the newer of two that ended within a minute', { a: [now - day - 30, now - day - 10], b: [0, now - day - 31] }, 'a', 3],
  ])('picks among several images %s', async (_, images, expected, finerQueries) => {
    const timeRange = { startSeconds: now - 5 * day, endSeconds: now };
    const { result, queries } = await discoverAt(livedFrom(images), { timeRange });
    expect((await result).cluster.containers.map(({ image }) => image)).toEqual([expected]);
    // Three queries for each of three parts: before the first midnight, complete days, after the last midnight.
    const finer = queries.slice(9);
    expect(finer).toHaveLength(finerQueries);
    for (const { query } of finer) expect(query).toContain('namespace="shop"');
    for (const { instants } of queries) expect(instants.length).toBeLessThanOrEqual(11_000);
  });

  it('returns texts that PostgreSQL can store', async () => {
    const { result } = await discoverAt(() => ({ images: { 'web\0:1': [[now, '3']] }, warnings: ['a\0b'] }));
    const { cluster, warnings } = await result;
    expect(cluster.containers[0]).toMatchObject({ image: 'web\uFFFD:1' });
    expect(warnings).toContain('a\uFFFDb');
  });

  it('excludes workloads by label', async () => {
    const { result } = await discoverAt(() => ({ images: { 'web:1': [[now, '3']] } }), { filter: { exclude: { labels: { team: 'a' } } } });
    expect((await result).cluster).toMatchObject({ namespaces: ['shop'], workloads: [], containers: [] });
  });

  it('fails if a query fails, and cancels the other queries', async () => {
    const { result, closedEarly } = await discoverAt(({ query }) => (query.startsWith('(') ? undefined : { status: 403 }), {
      filter: { exclude: { labels: { team: 'a' } } },
    });
    await expect(result).rejects.toMatchObject({ failure: 'refused-credentials' });
    for (let waits = 0; closedEarly() === 0 && waits < 100; waits++) await new Promise((done) => setTimeout(done, 10));
    expect(closedEarly()).toBe(1);
  });

  describe('with cached days', () => {
    const midnight = Math.floor(now / day) * day;
    const timeRange = { startSeconds: now - 5 * day, endSeconds: now };
    const respondWeb = ({ instants }: SeenQuery) => ({ images: { 'web:1': instants.map((instant): Sample => [instant, '3']) } });
    const areDays = ({ query }: SeenQuery) => query.includes('[86400s]');
    /** Runs two jobs, the second with the cache of the first, and records the queries of each. */
    const discoverTwice = async (later: Partial<DiscoveryRequest> = {}, settingsOfAll = {}) => {
      const { discovery, request, queries } = await openDiscovery(respondWeb, []);
      const [one, two] = [
        { ...request, timeRange, ...settingsOfAll },
        { ...request, timeRange, ...settingsOfAll, ...later },
      ];
      const first = new KeptDays();
      const before = await discovery.discover(one, undefined, first);
      const queriesBefore = queries.splice(0);
      const second = new KeptDays(first.fresh);
      const after = await discovery.discover(two, undefined, second);
      return { one, two, first, second, before, after, queriesBefore, queries };
    };

    it('queries complete days once; the next job queries only the rest', async () => {
      const { before, after, queriesBefore, queries } = await discoverTwice();
      expect(after).toEqual(before);
      expect([queriesBefore.length, queriesBefore.filter(areDays).length]).toEqual([9, 3]);
      expect([queries.length, queries.filter(areDays).length]).toEqual([6, 0]);
    });

    it('reuses days for a range that ends later', async () => {
      const later = { startSeconds: now - 5 * day + 900, endSeconds: now + 900 };
      const { queries, second } = await discoverTwice({ timeRange: later, nowSeconds: now + 900 });
      expect(queries.filter(areDays)).toEqual([]);
      expect(second.fresh.size).toBe(0);
    });

    it('uses the keys that keysOfDays returns', async () => {
      const { one, two, first } = await discoverTwice();
      expect([...first.fresh.keys()]).toEqual(keysOfDays(one, settings));
      expect(keysOfDays(two, settings)).toEqual(keysOfDays(one, settings));
      expect(keysOfDays({ ...one, filter: { exclude: { labels: { team: 'a' } } } }, settings)).not.toEqual(keysOfDays(one, settings));
    });

    it('caches days separately per filter', async () => {
      const { queries, second } = await discoverTwice({ filter: { exclude: { labels: { team: 'a' } } } });
      expect(queries.filter(areDays)).toHaveLength(5);
      expect(second.fresh.size).toBe(1);
    });

    it('does not cache days whose samples may still arrive', async () => {
      const { queries, first, one } = await discoverTwice({}, { nowSeconds: midnight + 3_599 });
      expect([first.fresh.size, keysOfDays(one, settings)]).toEqual([0, []]);
      expect(queries.filter(areDays)).toHaveLength(3);
    });

    it('queries everything without a cache', async () => {
      const { discovery, request, queries } = await openDiscovery(respondWeb, []);
      for (let turn = 0; turn < 2; turn++) await discovery.discover({ ...request, timeRange });
      expect(queries.filter(areDays)).toHaveLength(6);
    });
  });
});
