import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { startTinyProxy, withProxyVariables } from '../../test/servers/tiny-proxy.js';
import type { Authentication, Datasource } from './datasource.js';
import { DatasourceClient } from './datasource-client.js';
import { DatasourceError } from './datasource-error.js';
import { DatasourceHttp } from './datasource-http.js';

const good = JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [{ metric: { a: 'b' }, value: [1, '2'] }] } });
const certificate = (name: string) => join(import.meta.dirname, '../../test/fixtures/tls', name);

let folder: string;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rightsizer-'));
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => rm(folder, { recursive: true }));

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  });
  return (server.address() as AddressInfo).port;
}

async function serve(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(listener))}`;
}

/** Sends each response in turn, the last one repeatedly; counts the requests. */
function inOrder(...responses: ((response: ServerResponse, request: IncomingMessage) => void)[]): RequestListener & { count: number } {
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const result = responses[Math.min(listener.count++, responses.length - 1)];
    request.resume().on('end', () => result?.(response, request));
  };
  listener.count = 0;
  return listener;
}

const sendResponse =
  (status: number, body: string | Buffer = '', headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(status, headers).end(body);

const gzipped = (response: ServerResponse) => response.writeHead(200, { 'content-encoding': 'gzip' });

function datasourceAt(url: string, more: Partial<Datasource> = {}): Datasource {
  return { name: 'prometheus-1', provider: 'prometheus', url, authentication: { type: 'none' }, insecureSkipVerify: false, ...more };
}

function clientWith(settings: Partial<Record<'concurrency' | 'timeoutMs' | 'retryMs', number>> = {}): DatasourceClient {
  const http = new DatasourceHttp({
    DATASOURCE_CONCURRENCY: settings.concurrency ?? 4,
    DATASOURCE_TIMEOUT_MS: settings.timeoutMs ?? 2000,
    DATASOURCE_RETRY_MS: settings.retryMs ?? 0,
  });
  closing.push(() => http.close());
  return new DatasourceClient(http);
}

const request = { query: 'up{a="ü\\"\\\\"}', timeSeconds: 1795231800 };
async function failureOf(pending: Promise<unknown>): Promise<DatasourceError> {
  const error = await pending.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(DatasourceError);
  return error;
}

describe('DatasourceClient', () => {
  it('posts instant and range queries as a form and reads gzip', async () => {
    const seen: string[] = [];
    const url = await serve(async (request, response) => {
      const body = (await request.toArray()).join('');
      seen.push(
        `${request.method} ${request.url} ${request.headers['content-type']}`,
        ...[...new URLSearchParams(body)].map((pair) => pair.join('=')),
      );
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(good));
    });
    const client = clientWith();
    const result = await client.query(datasourceAt(`${url}/prefix`), request);
    await client.queryRange(datasourceAt(url), { query: 'up', startSeconds: 1, endSeconds: 3, stepSeconds: 0.5 });
    expect(result).toEqual({ series: [{ labels: { a: 'b' }, samples: [[1, '2']] }], warnings: [] });
    expect(seen).toEqual([
      'POST /prefix/api/v1/query application/x-www-form-urlencoded',
      `query=${request.query}`,
      'time=1795231800',
      'POST /api/v1/query_range application/x-www-form-urlencoded',
      'query=up',
      'start=1',
      'end=3',
      'step=0.5',
    ]);
  });

  it('counts each 16 kB of a response as progress, but not single bytes', async () => {
    let sendMore: (bytes: number) => void = () => undefined;
    const url = await serve((_, response) => {
      response.write(good.slice(0, 5));
      sendMore = (bytes: number) => response.write(' '.repeat(bytes));
    });
    const http = new DatasourceHttp({ DATASOURCE_CONCURRENCY: 1, DATASOURCE_TIMEOUT_MS: 20_000, DATASOURCE_RETRY_MS: 0 });
    closing.push(() => http.close());
    const stop = new AbortController();
    const pending = failureOf(new DatasourceClient(http).query(datasourceAt(url), request, stop.signal));
    while (http.lastAnswerAt('prometheus-1') === undefined) await delay(5);
    await delay(50);
    const before = http.lastAnswerAt('prometheus-1')!;
    await delay(20);
    expect(http.lastAnswerAt('prometheus-1')).toBe(before);
    sendMore(100);
    await delay(50);
    expect(http.lastAnswerAt('prometheus-1')).toBe(before);
    sendMore(20_000);
    while (http.lastAnswerAt('prometheus-1') === before) await delay(5);
    stop.abort();
    expect((await pending).failure).toBe('cancelled');
  });

  it('reports an error in text that PostgreSQL can store', async () => {
    const url = await serve(inOrder(sendResponse(422, '{"status":"error","error":"a\0b"}')));
    expect((await failureOf(clientWith().query(datasourceAt(url), request))).message).toContain('a\uFFFDb');
  });

  it('uses the proxy of HTTP_PROXY, unless NO_PROXY names the host', async () => {
    const url = await serve((_, response) => response.end(good));
    const proxy = await startTinyProxy({ 'prometheus.example': new URL(url).host });
    closing.push(withProxyVariables({ HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' }), () => proxy.close());
    const client = clientWith();
    await client.query(datasourceAt('http://prometheus.example:9090/a'), request);
    await client.query(datasourceAt(url), request);
    expect(proxy.requests).toEqual(['POST http://prometheus.example:9090/a/api/v1/query']);
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['a bad query', sendResponse(400, '{"status":"error","errorType":"bad_data","error":"parse error at \\"x\\""}'), 'refused-query'],
    ['missing credentials', sendResponse(401), 'refused-credentials'],
    ['a forbidden tenant', sendResponse(403), 'refused-credentials'],
    ['too many samples', sendResponse(422, '{"error":"query processing would load too many samples into memory"}'), 'too-large'],
    ['a query that cannot run', sendResponse(422, '{"error":"many-to-many matching not allowed"}'), 'refused-query'],
    ['a long request', sendResponse(413), 'too-large'],
    ['a rate limit', sendResponse(429), 'too-many-requests'],
    ['a bad gateway', sendResponse(502, '<html>'), 'unavailable'],
    ['an internal error', sendResponse(500), 'unavailable'],
    ['a gateway timeout', sendResponse(504), 'timeout'],
    ['a redirect to a login', sendResponse(302, '', { location: 'https://login' }), 'not-json'],
    ['an HTML page', sendResponse(200, '<html>hello</html>'), 'not-json'],
    ['other JSON', sendResponse(200, '{"message":"hello"}'), 'not-json'],
    ['broken gzip', sendResponse(200, 'no gzip', { 'content-encoding': 'gzip' }), 'not-json'],
    ['a truncated gzip body', sendResponse(200, gzipSync(good).subarray(0, 40), { 'content-encoding': 'gzip' }), 'not-json'],
    [
      'a connection closed inside a gzip body',
      (response) => gzipped(response).write(gzipSync(good).subarray(0, 40), () => response.destroy()),
      'unreachable',
    ],
    ['a closed connection', (response) => response.destroy(), 'unreachable'],
    ['a connection closed inside the body', (response) => response.writeHead(200).write('{"st', () => response.destroy()), 'unreachable'],
    ['silence', () => undefined, 'timeout'],
    ['a stalled response', (response) => response.writeHead(200).write('{"status":'), 'timeout'],
  ])('recognizes %s', async (_, result, failure) => {
    const url = await serve(inOrder(result));
    const error = await failureOf(clientWith({ timeoutMs: 300 }).query(datasourceAt(url), request));
    expect(error.failure).toBe(failure);
    expect(error.message).toContain(`Datasource prometheus-1 at ${url}/api/v1/query `);
  });

  it('times out on a response that never ends', async () => {
    const url = await serve((_, response) => {
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    });
    expect((await failureOf(clientWith({ timeoutMs: 300 }).query(datasourceAt(url), request))).failure).toBe('timeout');
  });

  it('quotes the error of the datasource', async () => {
    const url = await serve(inOrder(sendResponse(400, '{"status":"error","error":"parse error at \\"x\\""}')));
    expect((await failureOf(clientWith().query(datasourceAt(url), request))).message).toContain('(400: parse error at "x")');
  });

  it('stops reading a response that is too large', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, ' ');
    let megabytes = 0;
    const url = await serve((_, response) => {
      const more = () => {
        while (megabytes++ < 1000 && response.write(megabyte));
      };
      response.on('drain', more);
      more();
    });
    expect((await failureOf(clientWith({ timeoutMs: 20_000 }).query(datasourceAt(url), request))).failure).toBe('too-large');
    expect(megabytes).toBeLessThan(200);
  });

  it('recognizes a refused connection, an unknown host and a server of another protocol', async () => {
    const tcp = createTcpServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('220 mail.example ESMTP\r\n'),
    );
    await new Promise<void>((done) => tcp.listen(0, '127.0.0.1', done));
    closing.push(() => new Promise((done) => tcp.close(done)));
    const mail = `http://127.0.0.1:${(tcp.address() as AddressInfo).port}`;
    const free = await serve(() => undefined);
    await closing.pop()?.();
    const failures = await Promise.all(
      [free, 'http://no-such-host.invalid:9090', mail].map(
        async (url) => (await failureOf(clientWith().query(datasourceAt(url), request))).failure,
      ),
    );
    expect(failures).toEqual(['unreachable', 'unreachable', 'not-json']);
  });

  describe('retries', () => {
    it('retries after a transient failure', async () => {
      const responses = inOrder(sendResponse(503), (response) => response.destroy(), sendResponse(200, good));
      const result = await clientWith({ retryMs: 5000 }).query(datasourceAt(await serve(responses)), request);
      expect(result.series).toHaveLength(1);
      expect(responses.count).toBe(3);
    });

    it('does not retry after a permanent failure', async () => {
      const responses = inOrder(sendResponse(401), sendResponse(200, good));
      expect((await failureOf(clientWith({ retryMs: 5000 }).query(datasourceAt(await serve(responses)), request))).failure).toBe(
        'refused-credentials',
      );
      expect(responses.count).toBe(1);
    });

    it('gives up at the end of its retry time', async () => {
      const responses = inOrder(sendResponse(503));
      const error = await failureOf(clientWith({ retryMs: 700 }).query(datasourceAt(await serve(responses)), request));
      expect(error.code).toBe(503);
      expect(responses.count).toBeGreaterThan(1);
    });

    it('waits as long as Retry-After requests', async () => {
      const responses = inOrder(sendResponse(429, '', { 'retry-after': '1' }), sendResponse(200, good));
      const url = await serve(responses);
      // Timers fire in order, however slow the machine is.
      let isSooner = true;
      setTimeout(() => (isSooner = false), 900);
      await clientWith({ retryMs: 5000 }).query(datasourceAt(url), request);
      expect(isSooner).toBe(false);
    });

    it('backs off even if Retry-After is 0', async () => {
      const responses = inOrder(sendResponse(429, '', { 'retry-after': '0' }));
      await failureOf(clientWith({ retryMs: 700 }).query(datasourceAt(await serve(responses)), request));
      expect(responses.count).toBeLessThan(10);
    });

    it('counts its retry time from the first failure, without the wait in the queue', async () => {
      const slow = (response: ServerResponse) => setTimeout(() => response.end(good), 600);
      const responses = inOrder(slow, sendResponse(503), sendResponse(200, good));
      const client = clientWith({ retryMs: 500, concurrency: 1 });
      const datasource = datasourceAt(await serve(responses));
      await Promise.all([client.query(datasource, request), client.query(datasource, request)]);
      expect(responses.count).toBe(3);
    });

    it('gives up at once if Retry-After is longer than its retry time', async () => {
      const responses = inOrder(sendResponse(429, '', { 'retry-after': '60' }));
      const error = await failureOf(clientWith({ retryMs: 2000 }).query(datasourceAt(await serve(responses)), request));
      expect([error.failure, error.retryAfterMs, responses.count]).toEqual(['too-many-requests', 60_000, 1]);
    });
  });

  it('never has more concurrent requests than the limit of the datasource', async () => {
    let now = 0;
    let max = 0;
    const url = await serve(async (_, response) => {
      max = Math.max(max, ++now);
      await delay(30);
      now--;
      response.end(good);
    });
    const client = clientWith({ concurrency: 3 });
    await Promise.all(Array.from({ length: 12 }, () => client.query(datasourceAt(url), request)));
    expect(max).toBe(3);
  });

  it.each([
    ['while it waits for a response', 4, () => undefined],
    ['between two attempts', 4, sendResponse(503)],
    ['in the queue', 1, () => undefined],
  ])('is cancelled %s', async (_, concurrency, result) => {
    const client = clientWith({ concurrency, retryMs: 60_000, timeoutMs: 60_000 });
    const url = await serve(inOrder(result));
    const first = new AbortController();
    const second = new AbortController();
    const pending = client.query(datasourceAt(url), request, first.signal).catch((error) => error);
    setTimeout(() => second.abort(), 100);
    expect((await failureOf(client.query(datasourceAt(url), request, second.signal))).failure).toBe('cancelled');
    first.abort();
    expect((await pending).failure).toBe('cancelled');
  });

  describe('authenticates', () => {
    const seenHeaders = async (authentication: Authentication) => {
      const seen: IncomingMessage['headers'][] = [];
      const url = await serve((request, response) => {
        seen.push(request.headers);
        response.end(good);
      });
      const client = clientWith();
      return { seen, request: () => client.query(datasourceAt(url, { authentication }), request) };
    };

    it.each<[Authentication, string, string | undefined]>([
      [{ type: 'none' }, 'authorization', undefined],
      [{ type: 'basic', username: 'me', password: 'pä:ss' }, 'authorization', `Basic ${Buffer.from('me:pä:ss').toString('base64')}`],
      [{ type: 'bearer', token: 'abc' }, 'authorization', 'Bearer abc'],
      [{ type: 'api_key', apiKey: 'k', header: 'X-Scope' }, 'x-scope', 'k'],
    ])('with %j', async (authentication, header, expected) => {
      const { seen, request } = await seenHeaders(authentication);
      await request();
      expect(seen[0]?.[header]).toBe(expected);
    });

    it('with a token file that is read for each request', async () => {
      const tokenFilePath = join(folder, 'token');
      const { seen, request } = await seenHeaders({ type: 'bearer', tokenFilePath });
      for (const token of ['first\n', 'second\r\nrest']) {
        writeFileSync(tokenFilePath, token);
        await request();
      }
      expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer second']);
    });

    it('and fails with the path if the token file is missing', async () => {
      const { request } = await seenHeaders({ type: 'bearer', tokenFilePath: '/nowhere/token' });
      expect(await failureOf(request())).toMatchObject({
        failure: 'refused-credentials',
        message: expect.stringContaining('/nowhere/token'),
      });
    });
  });

  describe('OAuth 2', () => {
    const secret = 's3cret&=';
    const oauth2 = (tokenEndpoint: string): Authentication => ({
      type: 'oauth2',
      tokenEndpoint,
      clientId: 'c',
      clientSecret: secret,
      scope: 'read',
    });
    const tokens = (...responses: object[]) => inOrder(...responses.map((result) => sendResponse(200, JSON.stringify(result))));

    it('requests a token once and caches it', async () => {
      const issue = tokens({ access_token: 'one', expires_in: 3600 });
      const seen: unknown[] = [];
      const url = await serve((request, response) => {
        seen.push(request.headers.authorization);
        response.end(good);
      });
      const datasource = datasourceAt(url, { authentication: oauth2(await serve(issue)) });
      const client = clientWith();
      await Promise.all([client.query(datasource, request), client.query(datasource, request)]);
      await client.query(datasource, request);
      expect([issue.count, seen]).toEqual([1, ['Bearer one', 'Bearer one', 'Bearer one']]);
    });

    it('requests a new token after expiry or revocation', async () => {
      const issue = tokens(
        { access_token: 'old', expires_in: '0.1' },
        { access_token: 'new', expires_in: 3600 },
        { access_token: 'newer' },
      );
      let isRevoked = false;
      const url = await serve((request, response) => {
        const isRefused = isRevoked && request.headers.authorization !== 'Bearer newer';
        response.writeHead(isRefused ? 401 : 200).end(good);
      });
      const datasource = datasourceAt(url, { authentication: oauth2(await serve(issue)) });
      const client = clientWith();
      await client.query(datasource, request);
      await delay(120);
      await client.query(datasource, request);
      expect(issue.count).toBe(2);
      isRevoked = true;
      await client.query(datasource, request);
      expect(issue.count).toBe(3);
    });

    it.each([
      ['rejects the client', sendResponse(400, '{"error":"invalid_client"}'), 'refused-credentials'],
      ['sends a form', sendResponse(200, 'access_token=abc'), 'not-json'],
      ['is down', sendResponse(503), 'unavailable'],
    ])('fails without showing the secret if the token endpoint %s', async (_, result, failure) => {
      const url = await serve(inOrder(sendResponse(200, good)));
      const error = await failureOf(
        clientWith().query(datasourceAt(url, { authentication: oauth2(await serve(inOrder(result))) }), request),
      );
      expect(error.failure).toBe(failure);
      expect(JSON.stringify([error.message, error, error.cause])).not.toContain('s3cret');
    });
  });

  describe('TLS', () => {
    const serveSecurely = async (options: { requestCert?: boolean; ca?: Buffer } = {}, name = 'server') => {
      const files = { cert: readFileSync(certificate(`${name}.crt`)), key: readFileSync(certificate(`${name}.key`)) };
      return `https://127.0.0.1:${await listen(createSecureServer({ ...files, ...options }, (_, response) => response.end(good)))}`;
    };
    const caFile = certificate('ca.crt');

    it('rejects a certificate of an unknown authority', async () => {
      expect((await failureOf(clientWith().query(datasourceAt(await serveSecurely()), request))).failure).toBe('unreachable');
    });

    it('is verified through a proxy too', async () => {
      const url = await serveSecurely();
      const proxy = await startTinyProxy();
      closing.push(withProxyVariables({ HTTPS_PROXY: proxy.url }), () => proxy.close());
      await expect(clientWith().query(datasourceAt(url, { caFile }), request)).resolves.toBeDefined();
      expect((await failureOf(clientWith().query(datasourceAt(url), request))).failure).toBe('unreachable');
      expect(proxy.requests).toEqual(Array(2).fill(`CONNECT ${new URL(url).host}`));
    });

    it.each([{ caFile }, { insecureSkipVerify: true }])('accepts it with %j', async (more) => {
      expect((await clientWith().query(datasourceAt(await serveSecurely(), more), request)).series).toHaveLength(1);
    });

    it('checks the host name', async () => {
      const error = await failureOf(clientWith().query(datasourceAt(await serveSecurely({}, 'client'), { caFile }), request));
      expect([error.failure, error.message]).toEqual(['unreachable', expect.stringContaining('does not match certificate')]);
    });

    it('sends its certificate if the server requests one', async () => {
      const url = await serveSecurely({ requestCert: true, ca: readFileSync(caFile) });
      const authentication: Authentication = {
        type: 'mtls',
        clientCertPath: certificate('client.crt'),
        clientKeyPath: certificate('client.key'),
        caCertPath: caFile,
      };
      expect((await clientWith().query(datasourceAt(url, { authentication }), request)).series).toHaveLength(1);
      expect((await failureOf(clientWith().query(datasourceAt(url, { caFile }), request))).failure).toBe('unreachable');
    });

    it('names the datasource if key and certificate do not match', async () => {
      const authentication: Authentication = {
        type: 'mtls',
        clientCertPath: certificate('client.crt'),
        clientKeyPath: certificate('server.key'),
      };
      const error = await failureOf(clientWith().query(datasourceAt(await serveSecurely(), { caFile, authentication }), request));
      expect(error).toMatchObject({
        failure: 'refused-credentials',
        message: expect.stringContaining('its certificate files cannot be used'),
      });
    });
  });

  it('has no credentials in an error', async () => {
    const authentication: Authentication = { type: 'bearer', token: 't0ken' };
    const free = await serve((_, response) => response.destroy());
    const error = await failureOf(clientWith().query(datasourceAt(free, { authentication }), request));
    expect(JSON.stringify([error.message, error, error.cause, error.stack])).not.toContain('t0ken');
  });
});
