import { encodeFrame, encodeFrameData } from '../../test/chunks/encode-answer.js';
import { encodeXorChunk } from '../../test/chunks/encode-xor-chunk.js';
import { exampleCapabilities } from '../../test/examples.js';
import { answerJson, type Handler, refuse, startPrometheusLike } from '../../test/prometheus-like.js';
import { BrokenChunks, type Capabilities } from '../datasource/capabilities.js';

import type { Datasource } from '../datasource/datasource.js';
import { DatasourceClient } from '../datasource/datasource-client.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
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
const sendFrame: Handler = (_, response) => response.end(frame);

const chunks = exampleCapabilities();

interface Served {
  readonly datasource: Partial<Datasource>;
  readonly capabilities: Partial<Capabilities>;
  readonly timeoutMs: number;
}

async function serve(read: Handler, { datasource, capabilities, timeoutMs = 20_000 }: Partial<Served> = {}) {
  const server = await startPrometheusLike({ read, query_range: answerJson({ status: 'success', data: matrix }) });
  const http = new DatasourceHttp({ DATASOURCE_CONCURRENCY: 4, DATASOURCE_TIMEOUT_MS: timeoutMs, DATASOURCE_RETRY_MS: 0 });
  closing.push(server.close, () => http.close());
  const finder = new SeriesFinder(new DatasourceClient(http), new BrokenChunks());
  const broken: string[] = [];
  const context = {
    datasource: { ...server.datasource, ...datasource },
    capabilities: { ...chunks, ...capabilities },
    onBrokenChunks: (reason: string) => void broken.push(reason),
    warnings: new Set<string>(),
    signal: new AbortController().signal,
  };
  const find = (unions: readonly (readonly string[])[], windows = days) => finder.find(context, unions, windows);
  const count = (path: string) => server.paths.filter((each) => each === path).length;
  return { find, count, broken };
}

describe('SeriesFinder', () => {
  it('reads chunks once and runs the other queries by PromQL at the same time', async () => {
    const { find, count, broken } = await serve(sendFrame);
    expect(await find([[known], [unknown], [known, known], [known, unknown]])).toEqual([
      [fromChunks],
      [byPromql],
      [fromChunks, fromChunks],
      [byPromql],
    ]);
    expect([count('read'), count('query_range')]).toEqual([1, 2]);
    expect(broken).toEqual([]);
  });

  it.each([
    ['both', 'closed', [86_400, 172_800]],
    ['the first alone', 'left-open', [86_400]],
  ] as const)('counts a sample on the boundary of two windows for %s if boundaries are %s', async (_, boundary, expected) => {
    const series = { labels: { __name__: 'x', n: '1' }, chunks: [{ data: encodeXorChunk([[86_400_000, 1]]) }] };
    const between: Handler = (_request, response) => response.end(encodeFrame(encodeFrameData(0, [series])));
    const { find } = await serve(between, { capabilities: { boundary } });
    const [[found] = []] = await find([[known]]);
    expect(found?.samples.map(([seconds]) => seconds)).toEqual(expected);
  });

  const refused = /^chunks were refused or broken: ./;
  it.each<[string, Handler, RegExp[]]>([
    ['is refused, and reports it', refuse(403), [refused]],
    ['returns a web page, and reports it', refuse(200, '<html>please log in, this is a page and it is long enough</html>'), [refused]],
    ['is too large', refuse(413), []],
    ['fails', refuse(502), []],
  ])('uses PromQL if a remote read %s', async (_, read, reasons) => {
    const { find, count, broken } = await serve(read);
    expect(await find([[known], [known]])).toEqual([[byPromql], [byPromql]]);
    expect(count('read')).toBe(1);
    expect(broken).toEqual(reasons.map((reason) => expect.stringMatching(reason)));
  });

  it('does not report broken chunks if the datasource entry requires chunks', async () => {
    const { find, broken } = await serve(refuse(403), { datasource: { usageReader: 'chunks' } });
    expect(await find([[known]])).toEqual([[byPromql]]);
    expect(broken).toEqual([]);
  });

  it.each<[string, Partial<Capabilities>, Instants]>([
    ['the datasource is read by PromQL', { used: 'promql' }, days],
    ['the windows cover only half a day', {}, { ...days, lengthMs: 21_600_000 }],
  ])('uses only PromQL if %s', async (_, capabilities, windows) => {
    const { find, count } = await serve(sendFrame, { capabilities });
    expect(await find([[known]], windows)).toEqual([[byPromql]]);
    expect(count('read')).toBe(0);
  });

  it('uses only PromQL if no query has a known shape', async () => {
    const { find, count } = await serve(sendFrame);
    expect(await find([[unknown], [unknown, known]])).toEqual([[byPromql], [byPromql]]);
    expect(count('read')).toBe(0);
  });

  it.each<[string, Handler, string]>([
    ['does not respond in time', () => undefined, 'timeout'],
    ['closes the connection', (_, response) => response.destroy(), 'unreachable'],
    ['is overloaded', refuse(429), 'too-many-requests'],
  ])('fails if the datasource %s', async (_, read, failure) => {
    const { find, count, broken } = await serve(read, failure === 'timeout' ? { timeoutMs: 1_500 } : {});
    await expect(find([[known]])).rejects.toMatchObject({ failure });
    expect([count('query_range'), broken]).toEqual([0, []]);
  });
});
