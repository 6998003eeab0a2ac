import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CapabilityCache } from '../datasource/capabilities.js';
import { DatasourceClient } from '../datasource/datasource-client.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { Datasources } from '../datasource/datasources.js';
import { readSettings } from '../settings/read-settings.js';
import { DatasourcesController, showDatasource } from './datasources.controller.js';

const settings = readSettings({ DATASOURCE_RETRY_MS: '0' });
const http = new DatasourceHttp(settings);
let server: Server;
beforeAll(async () => {
  server = createServer((_, response) => {
    response.statusCode = 404;
    response.end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  http.close();
});

const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const controllerFor = (PROMETHEUS_URL?: string) =>
  new DatasourcesController(
    new Datasources({ PROMETHEUS_URL, DATASOURCES_FILE: undefined }),
    new CapabilityCache(new DatasourceClient(http), http),
  );

describe('GET /datasources', () => {
  it('shows every datasource with the result of its probe', async () => {
    expect(await controllerFor(address()).list()).toEqual({
      version: 'v1.0',
      datasources: [
        {
          name: 'prometheus-1',
          provider: 'prometheus',
          url: address(),
          authenticationConfig: { type: 'NONE' },
          usage_reader: { configured: 'auto', used: 'promql', version: null, reason: expect.stringContaining('404') },
          recording_rules: { cpu: true, owners: true },
        },
      ],
    });
  });

  it('shows an unreachable datasource with the reason', async () => {
    const { datasources } = await controllerFor('http://127.0.0.1:1').list('prometheus-1');
    expect(datasources![0]!.usage_reader).toMatchObject({ used: null, reason: expect.stringContaining('cannot be reached') });
  });

  it.each(['', 'null', 'xyz'])('rejects the unknown name "%s" with Kruize\'s message', async (name) => {
    const message = `Given datasource name - ${name} either does not exist or is not valid`;
    await expect(controllerFor(address()).list(name)).rejects.toMatchObject({ message, status: 400 });
  });

  it('has no list if no datasource is registered', async () => expect(await controllerFor().list()).toEqual({ version: 'v1.0' }));
});

describe('showDatasource', () => {
  it('never shows credentials', () => {
    const authentication = { type: 'api_key', apiKey: 'SECRET', header: 'X-API-Key' } as const;
    const entry = {
      name: 'p',
      provider: 'thanos',
      url: 'http://h',
      serviceName: 's',
      namespace: 'n',
      authentication,
      insecureSkipVerify: false,
    } as const;
    const shown = showDatasource(
      { ...entry, usageReader: 'promql' },
      { used: 'promql', version: '3.1.0', reason: 'r', rules: { cpu: true, owners: false } },
    );
    expect(JSON.stringify(shown)).not.toContain('SECRET');
    expect(shown).toMatchObject({
      serviceName: 's',
      namespace: 'n',
      authenticationConfig: { type: 'API_KEY' },
      usage_reader: { configured: 'promql', used: 'promql', version: '3.1.0', reason: 'r' },
      recording_rules: { cpu: true, owners: false },
    });
  });
});
