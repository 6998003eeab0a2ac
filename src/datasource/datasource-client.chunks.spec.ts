import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { uncompress } from 'snappyjs';
import { encodeFrame, encodeFrameData } from '../../test/chunks/encode-answer.js';
import { encodeXorChunk } from '../../test/chunks/encode-xor-chunk.js';
import { exampleDatasource } from '../../test/examples.js';
import type { ChunkQuestion, Grid } from '../remote-read/series-windows.js';
import type { Datasource } from './datasource.js';
import { DatasourceClient } from './datasource-client.js';
import { DatasourceHttp } from './datasource-http.js';

const grid: Grid = { endMs: 600_000, stepMs: 60_000, rows: 10, boundary: 'closed' };
const question: ChunkQuestion = {
  matchers: [{ type: '=', name: '__name__', value: 'up' }],
  windows: [{ function: 'last_over_time', rangeMs: 60_000 }],
};
const frame = (...names: string[]) =>
  encodeFrame(
    encodeFrameData(
      0,
      names.map((name) => ({ labels: { __name__: name }, chunks: [{ data: encodeXorChunk([[90_000, 7]]) }] })),
    ),
  );

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(listener: RequestListener): Promise<Datasource> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return exampleDatasource({ name: 'p', url });
}

function remoteRead({ timeoutMs = 20_000, retryMs = 0 } = {}): DatasourceClient {
  const http = new DatasourceHttp({ DATASOURCE_CONCURRENCY: 1, DATASOURCE_TIMEOUT_MS: timeoutMs, DATASOURCE_RETRY_MS: retryMs });
  closing.push(() => http.close());
  return new DatasourceClient(http);
}

describe('readChunks', () => {
  it('posts a snappy-compressed request and returns the series', async () => {
    let seen: Partial<IncomingMessage> & { body?: Buffer } = {};
    const datasource = await serve(async (request, response) => {
      seen = { url: request.url, headers: request.headers, body: Buffer.concat(await request.toArray()) };
      response.end(Buffer.concat([frame('a'), frame('b')]));
    });
    const found: unknown[] = [];
    await remoteRead().readChunks(datasource, [question], grid, ({ labels, values, firstRow }) =>
      found.push([labels.__name__, values[0]![firstRow]]),
    );
    expect(found).toEqual([
      ['a', 7],
      ['b', 7],
    ]);
    expect([seen.url, seen.headers]).toEqual([
      '/api/v1/read',
      expect.objectContaining({
        'content-type': 'application/x-protobuf',
        'content-encoding': 'snappy',
        'accept-encoding': 'identity',
        'x-prometheus-remote-read-version': '0.1.0',
      }),
    ]);
    expect(Buffer.from(uncompress(seen.body!)).includes('up')).toBe(true);
  });

  it.each<[string, RequestListener, string]>([
    ['an HTML page', (_, response) => response.end('<html>hello, this is a page, please log in</html>'.repeat(3)), 'malformed'],
    ['a frame of 1 GB', (_, response) => response.write(Buffer.from([0x80, 0x80, 0x80, 0x80, 4, 1, 2, 3, 4, 5])), 'malformed'],
    ['a wrong checksum', (_, response) => response.end(Buffer.concat([frame('a').fill(1, 1, 5)])), 'malformed'],
    ['a response that ends inside a frame', (_, response) => response.end(frame('a').subarray(0, -3)), 'malformed'],
    ['a stalled stream', (_, response) => response.write(frame('a').subarray(0, -3)), 'timeout'],
    ['a closed connection', (_, response) => response.write(frame('a').subarray(0, -3), () => response.destroy()), 'unreachable'],
    ['no remote read', (_, response) => response.writeHead(404).end('404 page not found'), 'not-json'],
  ])('recognizes %s', async (_, listener, failure) => {
    const datasource = await serve(listener);
    await expect(
      remoteRead({ timeoutMs: failure === 'timeout' ? 300 : 20_000 }).readChunks(datasource, [question], grid, () => undefined),
    ).rejects.toMatchObject({
      failure,
      message: expect.stringContaining(`at ${datasource.url}/api/v1/read `),
    });
  });

  describe('if a response breaks off after its first series', () => {
    const breakOnce = () => {
      let requests = 0;
      return serve((_, response) => {
        if (requests++ > 0) response.end(frame('a', 'b', 'c'));
        else response.write(Buffer.concat([frame('a', 'b'), frame('c').subarray(0, 9)]), () => setTimeout(() => response.destroy(), 50));
      });
    };

    it('calls onAgain and returns all series again', async () => {
      let names: (string | undefined)[] = [];
      const onAgain = () => {
        names = [];
      };
      const onSeries: Parameters<DatasourceClient['readChunks']>[3] = ({ labels }) => names.push(labels.__name__);
      await remoteRead({ retryMs: 5000 }).readChunks(await breakOnce(), [question], grid, onSeries, undefined, onAgain);
      expect(names).toEqual(['a', 'b', 'c']);
    });

    it('fails without onAgain, rather than return a series twice', async () => {
      const names: (string | undefined)[] = [];
      const reading = remoteRead({ retryMs: 5000 }).readChunks(await breakOnce(), [question], grid, ({ labels }) =>
        names.push(labels.__name__),
      );
      await expect(reading).rejects.toMatchObject({ failure: 'malformed', message: expect.stringContaining('the response broke off') });
      expect(names).toEqual(['a']);
    });
  });
});
