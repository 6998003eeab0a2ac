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
import { DatasourceError } from './datasource-error.js';
import { DatasourceHttp } from './datasource-http.js';
import { PrometheusClient } from './prometheus-client.js';

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

/** Answers with each in turn, then with the last again; counts. */
function inTurn(...answers: ((response: ServerResponse, request: IncomingMessage) => void)[]): RequestListener & { count: number } {
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const answer = answers[Math.min(listener.count++, answers.length - 1)];
    request.resume().on('end', () => answer?.(response, request));
  };
  listener.count = 0;
  return listener;
}

const answering =
  (status: number, body: string | Buffer = '', headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(status, headers).end(body);

const gzipped = (response: ServerResponse) => response.writeHead(200, { 'content-encoding': 'gzip' });

function datasourceAt(url: string, more: Partial<Datasource> = {}): Datasource {
  return { name: 'prometheus-1', provider: 'prometheus', url, authentication: { type: 'none' }, insecureSkipVerify: false, ...more };
}

function clientWith(settings: Partial<Record<'concurrency' | 'timeoutMs' | 'retryMs', number>> = {}): PrometheusClient {
  const http = new DatasourceHttp({
    DATASOURCE_CONCURRENCY: settings.concurrency ?? 4,
    DATASOURCE_TIMEOUT_MS: settings.timeoutMs ?? 2000,
    DATASOURCE_RETRY_MS: settings.retryMs ?? 0,
  });
  closing.push(() => http.close());
  return new PrometheusClient(http);
}

const ask = { query: 'up{a="ü\\"\\\\"}', timeSeconds: 1795231800 };
async function failureOf(asking: Promise<unknown>): Promise<DatasourceError> {
  const error = await asking.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(DatasourceError);
  return error;
}

describe('PrometheusClient', () => {
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
    const answer = await client.query(datasourceAt(`${url}/prefix`), ask);
    await client.queryRange(datasourceAt(url), { query: 'up', startSeconds: 1, endSeconds: 3, stepSeconds: 0.5 });
    expect(answer).toEqual({ series: [{ labels: { a: 'b' }, samples: [[1, '2']] }], warnings: [] });
    expect(seen).toEqual([
      'POST /prefix/api/v1/query application/x-www-form-urlencoded',
      `query=${ask.query}`,
      'time=1795231800',
      'POST /api/v1/query_range application/x-www-form-urlencoded',
      'query=up',
      'start=1',
      'end=3',
      'step=0.5',
    ]);
  });

  it('hears from a datasource with each fair part of an answer, not only with its end, and not when it trickles', async () => {
    let sendMore: (bytes: number) => void = () => undefined;
    const url = await serve((_, response) => {
      response.write(good.slice(0, 5));
      sendMore = (bytes: number) => response.write(' '.repeat(bytes));
    });
    const http = new DatasourceHttp({ DATASOURCE_CONCURRENCY: 1, DATASOURCE_TIMEOUT_MS: 20_000, DATASOURCE_RETRY_MS: 0 });
    closing.push(() => http.close());
    const stop = new AbortController();
    const asking = failureOf(new PrometheusClient(http).query(datasourceAt(url), ask, stop.signal));
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
    expect((await asking).failure).toBe('cancelled');
  });

  it('tells a refusal in text that PostgreSQL can keep', async () => {
    const url = await serve(inTurn(answering(422, '{"status":"error","error":"a\0b"}')));
    expect((await failureOf(clientWith().query(datasourceAt(url), ask))).message).toContain('a\uFFFDb');
  });

  it('asks through the proxy that the environment names, unless NO_PROXY names the host', async () => {
    const url = await serve((_, response) => response.end(good));
    const proxy = await startTinyProxy({ 'prometheus.example': new URL(url).host });
    closing.push(withProxyVariables({ HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' }), () => proxy.close());
    const client = clientWith();
    await client.query(datasourceAt('http://prometheus.example:9090/a'), ask);
    await client.query(datasourceAt(url), ask);
    expect(proxy.asked).toEqual(['POST http://prometheus.example:9090/a/api/v1/query']);
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['a bad query', answering(400, '{"status":"error","errorType":"bad_data","error":"parse error at \\"x\\""}'), 'refused-query'],
    ['missing credentials', answering(401), 'refused-credentials'],
    ['a forbidden tenant', answering(403), 'refused-credentials'],
    ['too many samples', answering(422, '{"error":"query processing would load too many samples into memory"}'), 'too-large'],
    ['a query that cannot run', answering(422, '{"error":"many-to-many matching not allowed"}'), 'refused-query'],
    ['a long request', answering(413), 'too-large'],
    ['a rate limit', answering(429), 'too-many-requests'],
    ['a bad gateway', answering(502, '<html>'), 'unavailable'],
    ['a fault inside', answering(500), 'unavailable'],
    ['a late gateway', answering(504), 'timeout'],
    ['a redirection to a login', answering(302, '', { location: 'https://login' }), 'not-json'],
    ['a page', answering(200, '<html>hello</html>'), 'not-json'],
    ['other JSON', answering(200, '{"message":"hello"}'), 'not-json'],
    ['broken gzip', answering(200, 'no gzip', { 'content-encoding': 'gzip' }), 'not-json'],
    ['a gzip that ends early', answering(200, gzipSync(good).subarray(0, 40), { 'content-encoding': 'gzip' }), 'not-json'],
    [
      'a connection closed in a gzip',
      (response) => gzipped(response).write(gzipSync(good).subarray(0, 40), () => response.destroy()),
      'unreachable',
    ],
    ['a closed connection', (response) => response.destroy(), 'unreachable'],
    ['a connection closed in the middle', (response) => response.writeHead(200).write('{"st', () => response.destroy()), 'unreachable'],
    ['silence', () => undefined, 'timeout'],
    ['a stalled answer', (response) => response.writeHead(200).write('{"status":'), 'timeout'],
  ])('tells %s', async (_, answer, failure) => {
    const url = await serve(inTurn(answer));
    const error = await failureOf(clientWith({ timeoutMs: 300 }).query(datasourceAt(url), ask));
    expect(error.failure).toBe(failure);
    expect(error.message).toContain(`Datasource prometheus-1, asked at ${url}/api/v1/query, `);
  });

  it('times out on an answer that drips for ever', async () => {
    const url = await serve((_, response) => {
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    });
    expect((await failureOf(clientWith({ timeoutMs: 300 }).query(datasourceAt(url), ask))).failure).toBe('timeout');
  });

  it('tells what the datasource said', async () => {
    const url = await serve(inTurn(answering(400, '{"status":"error","error":"parse error at \\"x\\""}')));
    expect((await failureOf(clientWith().query(datasourceAt(url), ask))).message).toContain('(400: parse error at "x")');
  });

  it('stops reading an answer that is too large', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, ' ');
    let megabytes = 0;
    const url = await serve((_, response) => {
      const more = () => {
        while (megabytes++ < 1000 && response.write(megabyte));
      };
      response.on('drain', more);
      more();
    });
    expect((await failureOf(clientWith({ timeoutMs: 20_000 }).query(datasourceAt(url), ask))).failure).toBe('too-large');
    expect(megabytes).toBeLessThan(200);
  });

  it('tells a refused connection, an unknown host and a server of another kind', async () => {
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
        async (url) => (await failureOf(clientWith().query(datasourceAt(url), ask))).failure,
      ),
    );
    expect(failures).toEqual(['unreachable', 'unreachable', 'not-json']);
  });

  describe('retries', () => {
    it('asks again after a transient failure', async () => {
      const answers = inTurn(answering(503), (response) => response.destroy(), answering(200, good));
      const answer = await clientWith({ retryMs: 5000 }).query(datasourceAt(await serve(answers)), ask);
      expect(answer.series).toHaveLength(1);
      expect(answers.count).toBe(3);
    });

    it('does not ask again after a lasting failure', async () => {
      const answers = inTurn(answering(401), answering(200, good));
      expect((await failureOf(clientWith({ retryMs: 5000 }).query(datasourceAt(await serve(answers)), ask))).failure).toBe(
        'refused-credentials',
      );
      expect(answers.count).toBe(1);
    });

    it('gives up when its time is used', async () => {
      const answers = inTurn(answering(503));
      const error = await failureOf(clientWith({ retryMs: 700 }).query(datasourceAt(await serve(answers)), ask));
      expect(error.code).toBe(503);
      expect(answers.count).toBeGreaterThan(1);
    });

    it('waits as long as Retry-After says', async () => {
      const answers = inTurn(answering(429, '', { 'retry-after': '1' }), answering(200, good));
      const url = await serve(answers);
      // Timers fire in the order of their times, however slow the machine is.
      let isSooner = true;
      setTimeout(() => (isSooner = false), 900);
      await clientWith({ retryMs: 5000 }).query(datasourceAt(url), ask);
      expect(isSooner).toBe(false);
    });

    it('backs off though Retry-After says 0', async () => {
      const answers = inTurn(answering(429, '', { 'retry-after': '0' }));
      await failureOf(clientWith({ retryMs: 700 }).query(datasourceAt(await serve(answers)), ask));
      expect(answers.count).toBeLessThan(10);
    });

    it('counts its time from the first failure, not from the wait in the queue', async () => {
      const slow = (response: ServerResponse) => setTimeout(() => response.end(good), 600);
      const answers = inTurn(slow, answering(503), answering(200, good));
      const client = clientWith({ retryMs: 500, concurrency: 1 });
      const datasource = datasourceAt(await serve(answers));
      await Promise.all([client.query(datasource, ask), client.query(datasource, ask)]);
      expect(answers.count).toBe(3);
    });

    it('gives up at once when Retry-After is longer than its time', async () => {
      const answers = inTurn(answering(429, '', { 'retry-after': '60' }));
      const error = await failureOf(clientWith({ retryMs: 2000 }).query(datasourceAt(await serve(answers)), ask));
      expect([error.failure, error.retryAfterMs, answers.count]).toEqual(['too-many-requests', 60_000, 1]);
    });
  });

  it('never has more requests on the way than the limit of the datasource', async () => {
    let now = 0;
    let most = 0;
    const url = await serve(async (_, response) => {
      most = Math.max(most, ++now);
      await delay(30);
      now--;
      response.end(good);
    });
    const client = clientWith({ concurrency: 3 });
    await Promise.all(Array.from({ length: 12 }, () => client.query(datasourceAt(url), ask)));
    expect(most).toBe(3);
  });

  it.each([
    ['while it waits for an answer', 4, () => undefined],
    ['between two attempts', 4, answering(503)],
    ['in the queue', 1, () => undefined],
  ])('is cancelled %s', async (_, concurrency, answer) => {
    const client = clientWith({ concurrency, retryMs: 60_000, timeoutMs: 60_000 });
    const url = await serve(inTurn(answer));
    const first = new AbortController();
    const second = new AbortController();
    const asked = client.query(datasourceAt(url), ask, first.signal).catch((error) => error);
    setTimeout(() => second.abort(), 100);
    expect((await failureOf(client.query(datasourceAt(url), ask, second.signal))).failure).toBe('cancelled');
    first.abort();
    expect((await asked).failure).toBe('cancelled');
  });

  describe('shows who it is', () => {
    const seenHeaders = async (authentication: Authentication) => {
      const seen: IncomingMessage['headers'][] = [];
      const url = await serve((request, response) => {
        seen.push(request.headers);
        response.end(good);
      });
      const client = clientWith();
      return { seen, ask: () => client.query(datasourceAt(url, { authentication }), ask) };
    };

    it.each<[Authentication, string, string | undefined]>([
      [{ type: 'none' }, 'authorization', undefined],
      [{ type: 'basic', username: 'me', password: 'pä:ss' }, 'authorization', `Basic ${Buffer.from('me:pä:ss').toString('base64')}`],
      [{ type: 'bearer', token: 'abc' }, 'authorization', 'Bearer abc'],
      [{ type: 'api_key', apiKey: 'k', header: 'X-Scope' }, 'x-scope', 'k'],
    ])('with %j', async (authentication, header, expected) => {
      const { seen, ask } = await seenHeaders(authentication);
      await ask();
      expect(seen[0]?.[header]).toBe(expected);
    });

    it('with a token file that is read again each time', async () => {
      const tokenFilePath = join(folder, 'token');
      const { seen, ask } = await seenHeaders({ type: 'bearer', tokenFilePath });
      for (const token of ['first\n', 'second\r\nrest']) {
        writeFileSync(tokenFilePath, token);
        await ask();
      }
      expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer second']);
    });

    it('and fails with the path when the token file is missing', async () => {
      const { ask } = await seenHeaders({ type: 'bearer', tokenFilePath: '/nowhere/token' });
      expect(await failureOf(ask())).toMatchObject({ failure: 'refused-credentials', message: expect.stringContaining('/nowhere/token') });
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
    const tokens = (...answers: object[]) => inTurn(...answers.map((answer) => answering(200, JSON.stringify(answer))));

    it('asks once for a token and keeps it', async () => {
      const issue = tokens({ access_token: 'one', expires_in: 3600 });
      const seen: unknown[] = [];
      const url = await serve((request, response) => {
        seen.push(request.headers.authorization);
        response.end(good);
      });
      const datasource = datasourceAt(url, { authentication: oauth2(await serve(issue)) });
      const client = clientWith();
      await Promise.all([client.query(datasource, ask), client.query(datasource, ask)]);
      await client.query(datasource, ask);
      expect([issue.count, seen]).toEqual([1, ['Bearer one', 'Bearer one', 'Bearer one']]);
    });

    it('asks anew when the token expired or was revoked', async () => {
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
      await client.query(datasource, ask);
      await delay(120);
      await client.query(datasource, ask);
      expect(issue.count).toBe(2);
      isRevoked = true;
      await client.query(datasource, ask);
      expect(issue.count).toBe(3);
    });

    it.each([
      ['refuses the client', answering(400, '{"error":"invalid_client"}'), 'refused-credentials'],
      ['answers a form', answering(200, 'access_token=abc'), 'not-json'],
      ['is down', answering(503), 'unavailable'],
    ])('fails without the secret when the token endpoint %s', async (_, answer, failure) => {
      const url = await serve(inTurn(answering(200, good)));
      const error = await failureOf(clientWith().query(datasourceAt(url, { authentication: oauth2(await serve(inTurn(answer))) }), ask));
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

    it('refuses a certificate of an unknown authority', async () => {
      expect((await failureOf(clientWith().query(datasourceAt(await serveSecurely()), ask))).failure).toBe('unreachable');
    });

    it('is checked through a proxy too', async () => {
      const url = await serveSecurely();
      const proxy = await startTinyProxy();
      closing.push(withProxyVariables({ HTTPS_PROXY: proxy.url }), () => proxy.close());
      await expect(clientWith().query(datasourceAt(url, { caFile }), ask)).resolves.toBeDefined();
      expect((await failureOf(clientWith().query(datasourceAt(url), ask))).failure).toBe('unreachable');
      expect(proxy.asked).toEqual(Array(2).fill(`CONNECT ${new URL(url).host}`));
    });

    it.each([{ caFile }, { insecureSkipVerify: true }])('accepts it with %j', async (more) => {
      expect((await clientWith().query(datasourceAt(await serveSecurely(), more), ask)).series).toHaveLength(1);
    });

    it('checks the host name', async () => {
      const error = await failureOf(clientWith().query(datasourceAt(await serveSecurely({}, 'client'), { caFile }), ask));
      expect([error.failure, error.message]).toEqual(['unreachable', expect.stringContaining('does not match certificate')]);
    });

    it('shows its own certificate where the server wants one', async () => {
      const url = await serveSecurely({ requestCert: true, ca: readFileSync(caFile) });
      const authentication: Authentication = {
        type: 'mtls',
        clientCertPath: certificate('client.crt'),
        clientKeyPath: certificate('client.key'),
        caCertPath: caFile,
      };
      expect((await clientWith().query(datasourceAt(url, { authentication }), ask)).series).toHaveLength(1);
      expect((await failureOf(clientWith().query(datasourceAt(url, { caFile }), ask))).failure).toBe('unreachable');
    });

    it('names the datasource when key and certificate do not fit', async () => {
      const authentication: Authentication = {
        type: 'mtls',
        clientCertPath: certificate('client.crt'),
        clientKeyPath: certificate('server.key'),
      };
      const error = await failureOf(clientWith().query(datasourceAt(await serveSecurely(), { caFile, authentication }), ask));
      expect(error).toMatchObject({
        failure: 'refused-credentials',
        message: expect.stringContaining('its certificate files cannot be used'),
      });
    });
  });

  it('holds no credentials in an error', async () => {
    const authentication: Authentication = { type: 'bearer', token: 't0ken' };
    const free = await serve((_, response) => response.destroy());
    const error = await failureOf(clientWith().query(datasourceAt(free, { authentication }), ask));
    expect(JSON.stringify([error.message, error, error.cause, error.stack])).not.toContain('t0ken');
  });
});
