import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
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
interface Asked {
  readonly query: string;
  /** Instants, in seconds. */
  readonly instants: readonly number[];
}
/** What the server answers to a question: samples by image of one container, or a status; undefined: nothing, ever. */
type Answer = { images?: Record<string, Sample[]>; warnings?: string[]; status?: number } | undefined;

let server: Server | undefined;
let http: DatasourceHttp | undefined;
afterEach(async () => {
  http?.close();
  server?.closeAllConnections();
  await new Promise((done) => server?.close(done));
});

const capabilities = { used: 'promql', reason: '', boundary: 'closed', evaluationMs: 60_000, rules: { cpu: true, owners: true } } as const;
const settings = { USAGE_OVERLAP: 3600 };

/** A datasource with one workload, whose container is answered by `answerContainer`; returns what was asked. */
async function openDiscovery(answerContainer: (asked: Asked) => Answer, warnings = ['partial']) {
  const asked: Asked[] = [];
  let closedEarly = 0;
  server = createServer(async (request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) closedEarly++;
    });
    const form = new URLSearchParams((await request.toArray()).join(''));
    const question = { query: form.get('query') ?? '', instants: instantsOf(form) };
    asked.push(question);
    const isContainer = question.query.includes('kube_pod_container_info');
    const answer: Answer = isContainer ? answerContainer(question) : { images: { '': [[question.instants.at(-1) ?? 0, '1']] }, warnings };
    if (!answer) return;
    const result = Object.entries(answer.images ?? {}).map(([image, values]) => ({
      metric: { namespace: 'shop', workload: 'web', workload_type: 'deployment', container: 'app', image },
      values,
    }));
    const body = { status: 'success', data: { resultType: 'matrix', result }, warnings: answer.warnings };
    response.writeHead(answer.status ?? 200).end(JSON.stringify(body));
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  http = new DatasourceHttp({ DATASOURCE_CONCURRENCY: 4, DATASOURCE_TIMEOUT_MS: 2000, DATASOURCE_RETRY_MS: 0 });
  const metadataProfile = new MetadataProfiles({ CONFIG_DIR: undefined }).find('cluster-metadata-local-monitoring');
  if (!metadataProfile) throw new Error('the shipped profile is missing');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const datasource = {
    name: 'p',
    provider: 'prometheus',
    url,
    authentication: { type: 'none' },
    insecureSkipVerify: false,
  } as const;
  const request = { datasource, capabilities, metadataProfile, filter: {}, measurementSeconds: 900, nowSeconds: now };
  const discovery = new Discovery(new SeriesFinder(new DatasourceClient(http)), settings);
  return { discovery, request, asked, closedEarly: () => closedEarly };
}

async function discoverAt(answerContainer: (asked: Asked) => Answer, more: Partial<DiscoveryRequest> = {}) {
  const { discovery, request, ...seen } = await openDiscovery(answerContainer);
  return { result: discovery.discover({ ...request, ...more }), ...seen };
}

function instantsOf(form: URLSearchParams): number[] {
  const [time, start, end, step] = ['time', 'start', 'end', 'step'].map((name) => Number(form.get(name)));
  if (time || !start || !end || !step) return [time ?? 0];
  return Array.from({ length: Math.floor((end - start) / step + 1e-9) + 1 }, (_, index) => start + index * step);
}

/** Samples that windows see of a series which lived from `from` to `to`. */
const seenBy = ({ instants, query }: Asked, from: number, to: number): Sample[] => {
  const lengthSeconds = Number(/\[(\d+)s\]/.exec(query)?.[1]);
  return instants.filter((instant) => instant >= from && instant - lengthSeconds <= to).map((instant) => [instant, '2']);
};
const livedFrom = (images: Record<string, [number, number]>) => (asked: Asked) => ({
  images: Object.fromEntries(
    Object.entries(images).flatMap(([image, [from, to]]) => {
      const samples = seenBy(asked, from, to);
      return samples.length > 0 ? [[image, samples]] : [];
    }),
  ),
});

describe('Discovery', () => {
  it('sends the three queries once, at now, and returns each warning once', async () => {
    const { result, asked } = await discoverAt(() => ({ images: { 'web:1': [[now, '3']] }, warnings: ['partial', 'store b is away'] }));
    expect(await result).toEqual({
      cluster: {
        namespaces: ['shop'],
        workloads: [{ namespace: 'shop', workload: 'web', workloadType: 'deployment' }],
        containers: [{ namespace: 'shop', workload: 'web', workloadType: 'deployment', container: 'app', image: 'web:1', pods: 3 }],
      },
      warnings: expect.arrayContaining(['partial', 'store b is away']),
    });
    expect((await result).warnings).toHaveLength(2);
    expect(asked.map(({ instants }) => instants)).toEqual([[now], [now], [now]]);
    for (const { query } of asked) expect(query).toContain('[900s]');
  });

  it.each<[string, Record<string, [number, number]>, string, number]>([
    ['the later of two in different windows', { old: [0, now - 3 * day], new: [now - 3 * day, now] }, 'new', 0],
    ['the later of two that changed during the last day', { a: [now - 3600, now], b: [0, now - 3601] }, 'a', 1],
    ['the one that came back', { first: [0, now], between: [now - 7200, now - 3600] }, 'first', 1],
    ['the one that appeared later while both live', { old: [0, now], anew: [now - 600, now] }, 'anew', 3],
    ['the later of two that died within a minute', { a: [now - day - 30, now - day - 10], b: [0, now - day - 31] }, 'a', 3],
  ])('takes from several images %s', async (_, images, expected, finerQuestions) => {
    const timeRange = { startSeconds: now - 5 * day, endSeconds: now };
    const { result, asked } = await discoverAt(livedFrom(images), { timeRange });
    expect((await result).cluster.containers.map(({ image }) => image)).toEqual([expected]);
    // Three questions about each of three parts: up to the first midnight, the days, since the last midnight.
    const finer = asked.slice(9);
    expect(finer).toHaveLength(finerQuestions);
    for (const { query } of finer) expect(query).toContain('namespace="shop"');
    for (const { instants } of asked) expect(instants.length).toBeLessThanOrEqual(11_000);
  });

  it('returns texts that PostgreSQL can store', async () => {
    const { result } = await discoverAt(() => ({ images: { 'web\0:1': [[now, '3']] }, warnings: ['a\0b'] }));
    const { cluster, warnings } = await result;
    expect(cluster.containers[0]).toMatchObject({ image: 'web\uFFFD:1' });
    expect(warnings).toContain('a\uFFFDb');
  });

  it('leaves out what excluded labels return', async () => {
    const { result } = await discoverAt(() => ({ images: { 'web:1': [[now, '3']] } }), { filter: { exclude: { labels: { team: 'a' } } } });
    expect((await result).cluster).toMatchObject({ namespaces: ['shop'], workloads: [], containers: [] });
  });

  it('fails with the failure of a query, and cancels the other queries', async () => {
    const { result, closedEarly } = await discoverAt(({ query }) => (query.startsWith('(') ? undefined : { status: 403 }), {
      filter: { exclude: { labels: { team: 'a' } } },
    });
    await expect(result).rejects.toMatchObject({ failure: 'refused-credentials' });
    for (let waits = 0; closedEarly() === 0 && waits < 100; waits++) await new Promise((done) => setTimeout(done, 10));
    expect(closedEarly()).toBe(1);
  });

  describe('with kept days', () => {
    const midnight = Math.floor(now / day) * day;
    const timeRange = { startSeconds: now - 5 * day, endSeconds: now };
    const answerWeb = ({ instants }: Asked) => ({ images: { 'web:1': instants.map((instant): Sample => [instant, '3']) } });
    const areDays = ({ query }: Asked) => query.includes('[86400s]');
    /** The newest job, and what earlier ones asked. */
    const discoverTwice = async (later: Partial<DiscoveryRequest> = {}, settingsOfAll = {}) => {
      const { discovery, request, asked } = await openDiscovery(answerWeb, []);
      const [one, two] = [
        { ...request, timeRange, ...settingsOfAll },
        { ...request, timeRange, ...settingsOfAll, ...later },
      ];
      const first = new KeptDays();
      const before = await discovery.discover(one, undefined, first);
      const askedBefore = asked.splice(0);
      const second = new KeptDays(first.fresh);
      const after = await discovery.discover(two, undefined, second);
      return { one, two, first, second, before, after, askedBefore, asked };
    };

    it('asks about whole days once: the next job asks only about the rest', async () => {
      const { before, after, askedBefore, asked } = await discoverTwice();
      expect(after).toEqual(before);
      expect([askedBefore.length, askedBefore.filter(areDays).length]).toEqual([9, 3]);
      expect([asked.length, asked.filter(areDays).length]).toEqual([6, 0]);
    });

    it('keeps the same days for a range that ends later', async () => {
      const later = { startSeconds: now - 5 * day + 900, endSeconds: now + 900 };
      const { asked, second } = await discoverTwice({ timeRange: later, nowSeconds: now + 900 });
      expect(asked.filter(areDays)).toEqual([]);
      expect(second.fresh.size).toBe(0);
    });

    it('takes the days from the keys that keysOfDays names', async () => {
      const { one, two, first } = await discoverTwice();
      expect([...first.fresh.keys()]).toEqual(keysOfDays(one, settings));
      expect(keysOfDays(two, settings)).toEqual(keysOfDays(one, settings));
      expect(keysOfDays({ ...one, filter: { exclude: { labels: { team: 'a' } } } }, settings)).not.toEqual(keysOfDays(one, settings));
    });

    it('keeps days of each filter for themselves', async () => {
      const { asked, second } = await discoverTwice({ filter: { exclude: { labels: { team: 'a' } } } });
      expect(asked.filter(areDays)).toHaveLength(5);
      expect(second.fresh.size).toBe(1);
    });

    it('keeps no days for which samples may still come', async () => {
      const { asked, first, one } = await discoverTwice({}, { nowSeconds: midnight + 3_599 });
      expect([first.fresh.size, keysOfDays(one, settings)]).toEqual([0, []]);
      expect(asked.filter(areDays)).toHaveLength(3);
    });

    it('asks everything if nothing is to be kept', async () => {
      const { discovery, request, asked } = await openDiscovery(answerWeb, []);
      for (let turn = 0; turn < 2; turn++) await discovery.discover({ ...request, timeRange });
      expect(asked.filter(areDays)).toHaveLength(6);
    });
  });
});
