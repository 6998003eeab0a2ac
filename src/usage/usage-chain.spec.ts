import { exampleCapabilities, exampleContainer } from '../../test/examples.js';
import { type Handler, refuse, usePrometheusLike } from '../../test/prometheus-like.js';
import { BrokenChunks, type Capabilities } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceClient } from '../datasource/datasource-client.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { MetricProfiles } from '../profiles/metric-profile.js';
import { readSettings } from '../settings/read-settings.js';
import { UsageChain } from './usage-chain.js';

const settings = readSettings({ DATASOURCE_RETRY_MS: '0' });
const http = new DatasourceHttp(settings);
const client = new DatasourceClient(http);
const serve = usePrometheusLike();
afterAll(() => http.close());

const capable = (used: Capabilities['used']) => exampleCapabilities({ used });

describe('UsageChain', () => {
  const experiment = exampleContainer({ datasource: 'p' });

  const reader = () => new UsageChain(client, new MetricProfiles(settings), settings, new BrokenChunks());
  const requestOf = (datasource: Datasource, used: Capabilities['used'] = 'chunks') => ({
    datasource,
    capabilities: capable(used),
    metricProfile: 'resource-optimization-local-monitoring',
    experiments: [experiment],
    endSeconds: 1800,
    stepSeconds: 900,
    rows: 3,
    dropsInactive: false,
  });
  const broken: Handler = (_, response) => response.end('these are not frames, although chunks were promised');

  it('reads by PromQL if promised chunks are broken, and reports it', async () => {
    const { datasource, paths } = await serve({ read: broken });
    const reasons: string[] = [];
    const [table] = await reader().read({ ...requestOf(datasource), onBrokenChunks: (reason) => reasons.push(reason) });
    expect(table!.present).toEqual(new Uint8Array(3));
    expect(paths.filter((path) => path === 'query_range').length).toBeGreaterThanOrEqual(21);
    expect(reasons).toEqual([expect.stringContaining('broken')]);
  });

  it('does not try broken chunks again, and reports them again', async () => {
    const { datasource, paths } = await serve({ read: broken });
    const reasons: string[] = [];
    const one = reader();
    const request = { ...requestOf(datasource), onBrokenChunks: (reason: string) => reasons.push(reason) };
    for (let read = 0; read < 3; read++) await one.read(request);
    expect(paths.filter((path) => path === 'read')).toHaveLength(1);
    expect(reasons).toHaveLength(3);
  });

  it('does not report broken chunks of a datasource that is read by PromQL already', async () => {
    const { datasource } = await serve({ read: broken });
    const reasons: string[] = [];
    const one = reader();
    const onBrokenChunks = (reason: string) => reasons.push(reason);
    await one.read({ ...requestOf(datasource), onBrokenChunks });
    await one.read({ ...requestOf(datasource, 'promql'), onBrokenChunks });
    expect(reasons).toHaveLength(1);
  });

  it('fails if the datasource entry requires chunks', async () => {
    const { datasource } = await serve({ read: refuse(404) });
    await expect(reader().read(requestOf({ ...datasource, usageReader: 'chunks' }))).rejects.toMatchObject({ name: 'DatasourceError' });
  });

  it('sends no remote read to a datasource that is read by PromQL', async () => {
    const { datasource, paths } = await serve();
    await reader().read(requestOf(datasource, 'promql'));
    expect(paths).not.toContain('read');
    expect(paths.filter((path) => path === 'query_range')).toHaveLength(21);
  });
});
