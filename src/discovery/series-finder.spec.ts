import { encodeFrame, encodeFrameData } from '../../test/chunks/encode-answer.js';
import { encodeXorChunk } from '../../test/chunks/encode-xor-chunk.js';
import { answerFacts, answerJson, type Handler, refuse, startPrometheusLike } from '../../test/prometheus-like.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { PrometheusClient } from '../datasource/prometheus-client.js';
import { RemoteRead } from '../datasource/remote-read.js';
import { ReaderProbes } from '../probes/reader-probes.js';
import type { Instants } from './plan-discovery.js';
import { SeriesFinder } from './series-finder.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const days: Instants = { endSeconds: 172_800, lengthMs: 86_400_000, count: 2 };
const known = 'sum by (n) (avg_over_time(x[1d]))';
const unknown = 'max by (n) (avg_over_time(x[1d]))';
const byPromql = { labels: { n: 'by PromQL' }, samples: [[86_400, '1']] };
const fromChunks = { labels: { n: 'from chunks' }, samples: [[86_400, '7']] };
const frame = encodeFrame(
  encodeFrameData(0, [{ labels: { __name__: 'x', n: 'from chunks' }, chunks: [{ data: encodeXorChunk([[50_000, 7]]) }] }]),
);
const matrix = { resultType: 'matrix', result: [{ metric: byPromql.labels, values: byPromql.samples }] };
/** The probe's read is answered with nothing, those after it as `later` says. */
const readLater = (later: Handler): Handler => {
  let asked = 0;
  return (...ask) => (asked++ === 0 ? ask[1].end() : later(...ask));
};
const give: Handler = (_, response) => response.end(frame);

async function serve(read: Handler, over: Partial<Datasource> = {}, timeoutMs = 20_000, query = answerFacts(2)) {
  const server = await startPrometheusLike({ read, query, query_range: answerJson({ status: 'success', data: matrix }) });
  const http = new DatasourceHttp({ DATASOURCE_CONCURRENCY: 4, DATASOURCE_TIMEOUT_MS: timeoutMs, DATASOURCE_RETRY_MS: 0 });
  closing.push(server.close, () => http.onModuleDestroy());
  const client = new PrometheusClient(http);
  const remoteRead = new RemoteRead(http);
  const finder = new SeriesFinder(client, new ReaderProbes(remoteRead, client, http), remoteRead);
  const asking = { datasource: { ...server.datasource, ...over }, warnings: new Set<string>(), signal: new AbortController().signal };
  const find = (questions: readonly (readonly string[])[], windows = days) => finder.find(asking, questions, windows);
  const count = (path: string) => server.paths.filter((each) => each === path).length;
  return { find, count };
}

describe('SeriesFinder', () => {
  it('asks for chunks once, and at the same time by PromQL what they cannot tell', async () => {
    const { find, count } = await serve(readLater(give));
    expect(await find([[known], [unknown], [known, known], [known, unknown]])).toEqual([
      [fromChunks],
      [byPromql],
      [fromChunks, fromChunks],
      [byPromql],
    ]);
    expect([count('read'), count('query_range')]).toEqual([2, 2]);
  });

  it.each([
    ['both', 2, [86_400, 172_800]],
    ['the first alone', 1, [86_400]],
  ] as const)('takes a sample between two windows for one of %s, as the server does', async (_, inOneStep, expected) => {
    const series = { labels: { __name__: 'x', n: '1' }, chunks: [{ data: encodeXorChunk([[86_400_000, 1]]) }] };
    const between: Handler = (_request, response) => response.end(encodeFrame(encodeFrameData(0, [series])));
    const { find } = await serve(readLater(between), {}, undefined, answerFacts(inOneStep));
    const [[found] = []] = await find([[known]]);
    expect(found?.samples.map(([seconds]) => seconds)).toEqual(expected);
  });

  it.each<[string, Handler]>([
    ['refuses', refuse(403)],
    ['finds too much', refuse(413)],
    ['gives a page', refuse(200, '<html>please log in, this is a page and it is long enough</html>')],
    ['fails', refuse(502)],
  ])('asks by PromQL within the same discovery where a remote read that was promised %s', async (_, later) => {
    const { find, count } = await serve(readLater(later));
    expect(await find([[known], [known]])).toEqual([[byPromql], [byPromql]]);
    expect(count('read')).toBe(2);
  });

  it('asks by PromQL from then on where chunks were promised and broken', async () => {
    const { find, count } = await serve(readLater(refuse(403)));
    await find([[known]]);
    expect(await find([[known]])).toEqual([[byPromql]]);
    expect(count('read')).toBe(2);
  });

  it.each<[string, Partial<Datasource>, Instants, number]>([
    ['the entry says so', { usageReader: 'promql' }, days, 0],
    ['windows reach back half a day', {}, { ...days, lengthMs: 21_600_000 }, 0],
    ['there is no remote read', {}, days, 1],
  ])('asks by PromQL where %s', async (_, over, windows, reads) => {
    const { find, count } = await serve(refuse(404), over);
    expect(await find([[known]], windows)).toEqual([[byPromql]]);
    expect(count('read')).toBe(reads);
  });

  it('asks by PromQL where nothing has a known shape, without a probe', async () => {
    const { find, count } = await serve(give);
    expect(await find([[unknown], [unknown, known]])).toEqual([[byPromql], [byPromql]]);
    expect(count('read')).toBe(0);
  });

  it.each<[string, Handler, string]>([
    ['does not answer in time', () => undefined, 'timeout'],
    ['hangs up', (_, response) => response.destroy(), 'unreachable'],
    ['has too much to do', refuse(429), 'too-many-requests'],
  ])('fails where the datasource %s', async (_, later, failure) => {
    const { find, count } = await serve(readLater(later), {}, failure === 'timeout' ? 1_500 : undefined);
    await expect(find([[known]])).rejects.toMatchObject({ failure });
    expect(count('query_range')).toBe(0);
  });
});
