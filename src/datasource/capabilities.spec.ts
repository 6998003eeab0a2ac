import { jest } from '@jest/globals';
import { answerFacts, answerJson, type Handler, refuse, usePrometheusLike } from '../../test/prometheus-like.js';
import { readSettings } from '../settings/read-settings.js';
import {
  BrokenChunks,
  CapabilityCache,
  chooseReader,
  factsInstant,
  factsQuery,
  readServerFacts,
  showsNoRemoteRead,
} from './capabilities.js';
import { DatasourceClient } from './datasource-client.js';
import { DatasourceHttp } from './datasource-http.js';

describe('chooseReader', () => {
  const refused = { failure: 'not-json', message: 'HTTP status 404' } as const;

  it.each([
    ['auto', undefined, 'chunks', 'remote read returns chunks'],
    ['auto', refused, 'promql', 'no chunks by remote read: HTTP status 404'],
    ['chunks', refused, 'chunks', 'its entry sets usage_reader: chunks'],
    ['promql', undefined, 'promql', 'its entry sets usage_reader: promql'],
  ] as const)('with %s and the failure %j chooses %s', (configured, failure, used, reason) =>
    expect(chooseReader(configured, failure)).toEqual({ used, reason }),
  );
});

describe('showsNoRemoteRead', () => {
  it.each([
    ['refused-query', true],
    ['not-json', true],
    ['malformed', true],
    ['refused-credentials', true],
    ['unavailable', true],
    ['unreachable', false],
    ['timeout', false],
    ['cancelled', false],
  ] as const)('for %s is %s', (failure, expected) => expect(showsNoRemoteRead(failure)).toBe(expected));
});

const resultOf = (facts: Record<string, string>) =>
  Object.entries(facts).map(([fact, value]) => ({ labels: { fact }, samples: [[0, value]] as const }));

describe('readServerFacts', () => {
  it.each([
    [
      'Prometheus 2.42',
      { boundary: '2', steps: '61', extrapolation: '340' },
      { boundary: 'closed', evaluationMs: 60_000, extrapolation: 'zero-first' },
    ],
    [
      'Prometheus 2.53',
      { boundary: '2', steps: '61', extrapolation: '330' },
      { boundary: 'closed', evaluationMs: 60_000, extrapolation: 'threshold-first' },
    ],
    [
      'Prometheus 3',
      { boundary: '1', steps: '60', extrapolation: '330' },
      { boundary: 'left-open', evaluationMs: 60_000, extrapolation: 'threshold-first' },
    ],
    ['an evaluation interval of 30 s', { boundary: '2', steps: '121' }, { boundary: 'closed', evaluationMs: 30_000 }],
    ['an evaluation interval of 7 s', { boundary: '2', steps: '515' }, { boundary: 'closed', evaluationMs: 7_000 }],
    ['an evaluation interval of 1 s', { boundary: '1', steps: '3600' }, { boundary: 'left-open', evaluationMs: 1_000 }],
  ])('recognises %s', (_, facts, expected) => expect(readServerFacts(resultOf(facts))).toEqual(expected));

  it.each([
    [undefined, 'closed'],
    ['2.45.0', 'closed'],
    ['3.1.0', 'left-open'],
  ])('falls back to version %s if the result is empty', (version, boundary) =>
    expect(readServerFacts([], version)).toEqual({ boundary, evaluationMs: 60_000 }),
  );

  it('queries at a full hour, so that steps are complete', () => {
    expect(factsInstant(7_300_000)).toBe(7_200);
    expect(factsQuery(7_200)).toContain('(vector(time()) - 6860) >= 40');
  });
});

const settings = readSettings({ DATASOURCE_RETRY_MS: '0' });
const http = new DatasourceHttp(settings);
const client = new DatasourceClient(http);
const serve = usePrometheusLike();
afterAll(() => http.close());

const capabilities = () => new CapabilityCache(client, http);

describe('CapabilityCache', () => {
  it('detects remote read, the version and how the server evaluates', async () => {
    const { datasource } = await serve();
    expect(await capabilities().of(datasource)).toEqual({
      used: 'chunks',
      reason: 'remote read returns chunks',
      version: '2.42.0',
      boundary: 'closed',
      extrapolation: 'zero-first',
      evaluationMs: 30_000,
      rules: { cpu: false, owners: false },
    });
  });

  it.each([
    ['an unknown path (Thanos Query)', refuse(404)],
    ['an unsupported path (VictoriaMetrics)', refuse(400, 'unsupported path requested: "/api/v1/read"')],
    ['a proxy that allows only queries', refuse(403)],
    ['a server that never streams', refuse(501)],
    ['a web page', refuse(200, '<html>hello, this is not what you requested</html>')],
    ['samples instead of chunks', (_, response) => response.end(Buffer.from([2, 4, 10, 0]))],
  ] as [string, Handler][])('uses PromQL for %s', async (_, read) => {
    const { datasource } = await serve({ read });
    expect(await capabilities().of(datasource)).toMatchObject({
      used: 'promql',
      reason: expect.stringContaining('no chunks by remote read'),
    });
  });

  it.each(['chunks', 'promql'] as const)('uses the reader of the entry, %s, without a remote read', async (usageReader) => {
    const { datasource, paths } = await serve({ read: refuse(404) });
    expect(await capabilities().of({ ...datasource, usageReader })).toMatchObject({ used: usageReader, version: '2.42.0' });
    expect(paths).not.toContain('read');
  });

  it('works without a version', async () => {
    const { datasource } = await serve({ buildinfo: refuse(404) });
    const probe = await capabilities().of(datasource);
    expect(probe).toMatchObject({ used: 'chunks' });
    expect(probe.version).toBeUndefined();
  });

  it('reads a demoted datasource by PromQL and gives the reason', async () => {
    const { datasource } = await serve();
    const one = capabilities();
    await one.of(datasource);
    one.demote(datasource.name, 'a reason');
    expect(await one.of(datasource)).toMatchObject({ used: 'promql', reason: 'a reason', boundary: 'closed' });
  });

  it('remembers broken chunks for ten minutes', () => {
    jest.useFakeTimers();
    const broken = new BrokenChunks();
    broken.add('p', 'a reason');
    jest.advanceTimersByTime(599_999);
    expect([broken.reasonFor('p'), broken.reasonFor('q')]).toEqual(['a reason', undefined]);
    jest.advanceTimersByTime(1);
    expect(broken.reasonFor('p')).toBeUndefined();
    jest.useRealTimers();
  });

  it('finds recording rules at the instant itself, and searches 15 days back for the others', async () => {
    const series = (rule: string) => ({ metric: { rule }, value: [0, '1'], values: [[0, '1']] });
    const respond = (resultType: string, rule: string) => answerJson({ status: 'success', data: { resultType, result: [series(rule)] } });
    const queries: string[] = [];
    const query: Handler = (request, response, body) => {
      queries.push(new URLSearchParams(body).get('query')!);
      (queries.at(-1)!.includes('"fact"') ? answerFacts(2) : respond('vector', 'cpu'))(request, response, body);
    };
    const query_range: Handler = (request, response, body) => {
      const form = new URLSearchParams(body);
      expect(form.get('query')).not.toContain('cpu');
      expect(Number(form.get('end')) - Number(form.get('start'))).toBe(15 * 86_400);
      respond('matrix', 'owners')(request, response, body);
    };
    const { datasource } = await serve({ query, query_range });
    expect(await capabilities().of(datasource)).toMatchObject({ rules: { cpu: true, owners: true } });
  });

  it('fails if the query for rules fails for a moment, and asks again afterwards', async () => {
    let isAway = true;
    const query: Handler = (request, response, body) => {
      const isRules = new URLSearchParams(body).get('query')!.includes('"rule"');
      (isRules && isAway ? refuse(503) : answerFacts(2))(request, response, body);
    };
    const { datasource } = await serve({ query });
    const one = capabilities();
    await expect(one.of(datasource)).rejects.toMatchObject({ failure: 'unavailable' });
    isAway = false;
    expect(await one.of(datasource)).toMatchObject({ rules: { cpu: false, owners: false } });
  });

  it('searches for recording rules before the end of the usage, once per day', async () => {
    const times: number[] = [];
    const query: Handler = (request, response, body) => {
      const form = new URLSearchParams(body);
      if (!form.get('query')!.includes('"fact"')) times.push(Number(form.get('time')));
      answerFacts(2)(request, response, body);
    };
    const { datasource } = await serve({ query });
    const one = capabilities();
    for (const at of [86_400, 86_500, 2 * 86_400]) await one.of(datasource, undefined, at);
    expect(times).toEqual([86_400, 2 * 86_400]);
  });

  it('assumes that rules are present if the query for them is rejected', async () => {
    const { datasource } = await serve({ query: refuse(422), query_range: refuse(422) });
    expect(await capabilities().of({ ...datasource, usageReader: 'promql' })).toMatchObject({ rules: { cpu: true, owners: true } });
  });

  it('probes once for concurrent callers', async () => {
    const { datasource, paths } = await serve();
    const one = capabilities();
    await Promise.all([one.of(datasource), one.of(datasource)]);
    await one.of(datasource);
    expect([...paths].sort()).toEqual(['buildinfo', 'query', 'query', 'query_range', 'read']);
  });

  it('fails while the datasource cannot be reached, and probes again', async () => {
    const { datasource } = await serve();
    const one = capabilities();
    await expect(one.of({ ...datasource, url: 'http://127.0.0.1:1' })).rejects.toMatchObject({ failure: 'unreachable' });
    expect(await one.of(datasource)).toMatchObject({ used: 'chunks' });
  });

  it("stops waiting when the caller's signal aborts", async () => {
    const { datasource } = await serve({ read: () => undefined });
    await expect(capabilities().of(datasource, AbortSignal.timeout(50))).rejects.toThrow();
  });
});
