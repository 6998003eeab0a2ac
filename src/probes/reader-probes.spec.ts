import { type Handler, refuse, startPrometheusLike } from '../../test/prometheus-like.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { PrometheusClient } from '../datasource/prometheus-client.js';
import { RemoteRead } from '../datasource/remote-read.js';
import { readSettings } from '../settings/read-settings.js';
import { ReaderProbes } from './reader-probes.js';

const settings = readSettings({ DATASOURCE_RETRY_MS: '0' });
const http = new DatasourceHttp(settings);
const client = new PrometheusClient(http);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => http.onModuleDestroy());

async function serve(parts?: Parameters<typeof startPrometheusLike>[0]) {
  const server = await startPrometheusLike(parts);
  closing.push(server.close);
  return server;
}

const probes = () => new ReaderProbes(new RemoteRead(http), client, http);

describe('ReaderProbes', () => {
  it('finds remote read, the version and how the server evaluates', async () => {
    const { datasource } = await serve();
    expect(await probes().of(datasource)).toEqual({
      used: 'chunks',
      reason: 'remote read answers with chunks',
      version: '2.42.0',
      boundary: 'closed',
      extrapolation: 'zero-first',
      evaluationMs: 30_000,
    });
  });

  it.each([
    ['an unknown path (Thanos Query)', refuse(404)],
    ['an unsupported path (VictoriaMetrics)', refuse(400, 'unsupported path requested: "/api/v1/read"')],
    ['a proxy that lets only queries through', refuse(403)],
    ['a server that never streams', refuse(501)],
    ['a page', refuse(200, '<html>hello, this is not what you asked for</html>')],
    ['samples instead of chunks', (_, response) => response.end(Buffer.from([2, 4, 10, 0]))],
  ] as [string, Handler][])('takes PromQL for %s', async (_, read) => {
    const { datasource } = await serve({ read });
    expect(await probes().of(datasource)).toMatchObject({ used: 'promql', reason: expect.stringContaining('no chunks by remote read') });
  });

  it.each(['chunks', 'promql'] as const)('does as the entry says: %s, without a remote read', async (usageReader) => {
    const { datasource, paths } = await serve({ read: refuse(404) });
    expect(await probes().of({ ...datasource, usageReader })).toMatchObject({ used: usageReader, version: '2.42.0' });
    expect(paths).not.toContain('read');
  });

  it('does without a version', async () => {
    const { datasource } = await serve({ buildinfo: refuse(404) });
    const probe = await probes().of(datasource);
    expect(probe).toMatchObject({ used: 'chunks' });
    expect(probe.version).toBeUndefined();
  });

  it('tells of each result, and of a datasource that is demoted', async () => {
    const { datasource } = await serve();
    const [one, told] = [probes(), [] as string[]];
    one.onProbe = (name, { used }) => void told.push(`${name} ${used}`);
    one.demote(datasource, await one.of(datasource), 'a reason');
    expect(told).toEqual([`${datasource.name} chunks`, `${datasource.name} promql`]);
  });

  it('keeps what another thread found out, and asks nothing', async () => {
    const { datasource, paths } = await serve();
    const [one, found] = [probes(), { used: 'promql', reason: 'demoted in a thread' } as never];
    one.adopt(datasource.name, found);
    expect([await one.of(datasource), paths]).toEqual([found, []]);
  });

  it('asks once, however many want to know', async () => {
    const { datasource, paths } = await serve();
    const one = probes();
    await Promise.all([one.of(datasource), one.of(datasource)]);
    await one.of(datasource);
    expect([...paths].sort()).toEqual(['buildinfo', 'query', 'read']);
  });

  it('fails while the datasource cannot be reached, and asks again', async () => {
    const { datasource } = await serve();
    const one = probes();
    await expect(one.of({ ...datasource, url: 'http://127.0.0.1:1' })).rejects.toMatchObject({ failure: 'unreachable' });
    expect(await one.of(datasource)).toMatchObject({ used: 'chunks' });
  });

  it("stops waiting with the caller's signal", async () => {
    const { datasource } = await serve({ read: () => undefined });
    await expect(probes().of(datasource, AbortSignal.timeout(50))).rejects.toThrow();
  });
});
