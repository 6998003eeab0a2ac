import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Datasource } from '../../datasource/datasource.js';
import { DatasourceHttp } from '../../datasource/datasource-http.js';
import { PrometheusClient } from '../../datasource/prometheus-client.js';
import type { Experiment } from '../../experiments/experiment.js';
import { readSettings } from '../../settings/read-settings.js';
import { LayerDetector } from './layer-detector.js';
import { Layers } from './layers.js';

type Answer = { series?: object[]; status?: number };

const settings = readSettings({ DATASOURCE_RETRY_MS: '0', LAYERS: 'container,hotspot,quarkus' });
const http = new DatasourceHttp(settings);
let server: Server | undefined;
let asked: string[] = [];
afterEach(() => server?.closeAllConnections());
afterEach(() => server?.close());
afterAll(() => http.onModuleDestroy());

/** A server that speaks Prometheus' HTTP API. */
async function serve(respond: (query: string) => Answer): Promise<Datasource> {
  asked = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const query = new URLSearchParams(body).get('query')!;
    asked.push(query);
    const { series = [], status = 200 } = respond(query);
    const result = series.map((metric) => ({ metric, value: [1, '1'] }));
    const whole = { status: 'success', data: { resultType: 'vector', result } };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? whole : { status: 'error', errorType: 'bad_data', error: 'no' }));
  });
  await new Promise<void>((done) => server!.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { name: 'prometheus-1', provider: 'prometheus', url, authentication: { type: 'none' }, insecureSkipVerify: false };
}

const base = { name: 'n', datasource: 'd', clusterName: 'c', pods: 1, namespace: 'shop' };
const container = (name: string): Experiment => ({
  ...base,
  type: 'container',
  workload: 'w',
  workloadType: 'deployment',
  container: name,
  image: 'i',
});
const experiments: Experiment[] = [container('cart'), { ...base, type: 'namespace' }, container('till')];
const detector = (layers: Layers) => new LayerDetector(new PrometheusClient(http), layers);

it('finds the layers of each container with one query for each presence query', async () => {
  const datasource = await serve((query) => ({
    series: query.includes('id=~"Old.+"')
      ? [
          { namespace: 'shop', container: 'till' },
          { namespace: 'other', container: 'cart' },
        ]
      : [],
  }));

  const found = await detector(new Layers(settings)).detect({ datasource, experiments, atSeconds: 1 });

  expect(found).toEqual([['container'], [], ['container', 'hotspot']]);
  expect(asked).toHaveLength(7);
});

it('takes a query that is refused for one that answers nothing', async () => {
  const datasource = await serve((query) =>
    query.includes('Old') ? { status: 400 } : { series: [{ namespace: 'shop', container: 'cart' }] },
  );

  const found = await detector(new Layers(settings)).detect({ datasource, experiments, atSeconds: 1 });

  expect(found[0]).toEqual(['container', 'hotspot', 'quarkus']);
});

it('fails where the datasource fails: a layer that nobody could look for is not absent', async () => {
  const datasource = await serve(() => ({ status: 503 }));

  const detection = detector(new Layers(settings)).detect({ datasource, experiments, atSeconds: 1 });

  await expect(detection).rejects.toMatchObject({ failure: 'unavailable' });
});

it('asks nothing where no layer is registered', async () => {
  const datasource = await serve(() => ({ series: [{ namespace: 'shop', container: 'cart' }] }));

  expect(await detector(new Layers({ ...settings, LAYERS: [] })).detect({ datasource, experiments, atSeconds: 1 })).toEqual([[], [], []]);
  expect(asked).toEqual([]);
});
