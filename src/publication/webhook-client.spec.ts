import { createHmac } from 'node:crypto';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { startTinyProxy, withProxyVariables } from '../../test/servers/tiny-proxy.js';
import { waitUntil } from '../../test/servers/wait-until.js';
import { BodyChanged, WebhookClient, webhookPace } from './webhook-client.js';

interface Received {
  readonly method?: string;
  readonly url?: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** A response of the receiver. `hang`: no response. `drop`: closes the connection. The last response repeats. */
type Reply = { status: number; headers?: Record<string, string>; body?: string; delayMs?: number } | 'hang' | 'drop';
let close: () => void = () => {};
afterEach(() => close());

async function receiver(...replies: Reply[]): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method, url, headers } = request;
      received.push({ method, url, headers, body: Buffer.concat(parts).toString() });
      const reply = replies[Math.min(received.length, replies.length) - 1]!;
      if (reply === 'drop') request.socket.destroy();
      else if (reply !== 'hang') setTimeout(() => response.writeHead(reply.status, reply.headers).end(reply.body), reply.delayMs ?? 0);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?key=s3cret`, received };
}

const pace = { ...webhookPace, firstPauseMs: 5 };
/** For receivers that hang. Long enough for a receiver that responds, on a slow machine. */
const hurried = { ...pace, timeoutMs: 1_500 };
const client = new WebhookClient({ WEBHOOK_ALLOW: [], WEBHOOK_ALLOW_PRIVATE: true, WEBHOOK_SECRET: undefined });
const maxBytes = 10_000_000;
/** A body that is always rendered in these parts. */
const bodyOf = (...parts: string[]) => ({ bodies: [() => parts], maxBytes });
const call = (url: string, options = {}) =>
  client.call({ url, deliveryId: 'job-1', ...bodyOf('[{"summary":', '{"name":"é"}', '}]') }, { pace, ...options });

describe('WebhookClient', () => {
  it('posts the body unchanged, with the documented headers', async () => {
    const { url, received } = await receiver({ status: 200 });
    await expect(call(url)).resolves.toEqual({ status: 'COMPLETED' });
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({ method: 'POST', url: '/hook?key=s3cret', body: '[{"summary":{"name":"é"}}]' });
    expect(received[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      accept: 'application/json',
      'content-length': '27',
      'x-rightsizer-delivery': 'job-1',
    });
    expect(received[0]?.headers).not.toHaveProperty('x-rightsizer-signature');
  });

  it('signs the bytes of the body', async () => {
    const { url, received } = await receiver({ status: 200 });
    await new WebhookClient({ WEBHOOK_ALLOW: [], WEBHOOK_ALLOW_PRIVATE: true, WEBHOOK_SECRET: 'key' }).call({
      url,
      deliveryId: 'd',
      ...bodyOf('["', 'é', '"]'),
    });
    const expected = createHmac('sha256', 'key').update(Buffer.from('["é"]')).digest('hex');
    expect(received[0]?.headers['x-rightsizer-signature']).toBe(`sha256=${expected}`);
  });

  it.each([200, 201, 202, 204, 299])('%d is success', async (status) => {
    const { url, received } = await receiver({ status });
    await expect(call(url)).resolves.toEqual({ status: 'COMPLETED' });
    expect(received).toHaveLength(1);
  });

  it.each([400, 401, 403, 404, 409, 410, 300, 301, 302, 307])('does not retry after %d', async (status) => {
    const elsewhere = 'http://127.0.0.1:9/elsewhere';
    const { url, received } = await receiver({ status, headers: { location: elsewhere }, body: 'inner secret' });
    const { host } = new URL(url);
    await expect(call(url)).resolves.toEqual({
      status: 'FAILED',
      notification: { type: 'ERROR', code: status, message: `Webhook ${host} responded with ${status}.` },
    });
    expect(received).toHaveLength(1);
  });

  it.each<Reply>([{ status: 408 }, { status: 425 }, { status: 429 }, { status: 500 }, { status: 503 }, 'drop', 'hang'])(
    'retries after %j, with the same delivery id',
    async (reply) => {
      const { url, received } = await receiver(reply, reply, { status: 200 });
      await expect(call(url, { pace: reply === 'hang' ? hurried : pace })).resolves.toEqual({ status: 'COMPLETED' });
      expect(received.map(({ headers }) => headers['x-rightsizer-delivery'])).toEqual(['job-1', 'job-1', 'job-1']);
    },
  );

  it('gives up after the last attempt', async () => {
    const { url, received } = await receiver({ status: 503 });
    await expect(call(url)).resolves.toMatchObject({ status: 'FAILED', notification: { code: 503 } });
    expect(received).toHaveLength(pace.attempts);
  });

  it.each<[Reply, number]>([
    ['hang', 504],
    ['drop', 503],
  ])('after %s it fails with %d and does not reveal secrets of the URL', async (reply, code) => {
    const { url } = await receiver(reply);
    const result = await call(url, { pace: { ...hurried, attempts: 1 } });
    expect(result).toMatchObject({ status: 'FAILED', notification: { code } });
    expect(JSON.stringify(result)).not.toContain('s3cret');
  });

  it('waits as long as Retry-After requests', async () => {
    const { url, received } = await receiver({ status: 429, headers: { 'retry-after': '1' } }, { status: 200 });
    // Timers fire in order, however slow the machine is.
    let isSooner = true;
    setTimeout(() => (isSooner = false), 900);
    await expect(call(url, { pace: { ...pace, maxRetryAfterMs: 1_000 } })).resolves.toEqual({ status: 'COMPLETED' });
    expect(received).toHaveLength(2);
    expect(isSooner).toBe(false);
  });

  it('does not wait after the last attempt', async () => {
    const { url } = await receiver({ status: 503, headers: { 'retry-after': '3600' } });
    const patient = { ...pace, attempts: 1, maxRetryAfterMs: 3_600_000 };
    await expect(call(url, { pace: patient })).resolves.toMatchObject({ status: 'FAILED', notification: { code: 503 } });
  });

  it('gives up if Retry-After exceeds the maximum', async () => {
    const { url, received } = await receiver({ status: 503, headers: { 'retry-after': '86400' } }, { status: 200 });
    await expect(call(url)).resolves.toMatchObject({ status: 'FAILED', notification: { code: 503 } });
    expect(received).toHaveLength(1);
  });

  it.each([
    (port: string) => `http://localhost:${port}/`,
    (port: string) => `http://127.0.0.1:${port}/`,
    (port: string) => `http://[::ffff:127.0.0.1]:${port}/`,
  ])('does not connect to a private address, by name or by number (%s)', async (address) => {
    const { url, received } = await receiver({ status: 200 });
    const guarded = new WebhookClient({ WEBHOOK_ALLOW: [], WEBHOOK_ALLOW_PRIVATE: false, WEBHOOK_SECRET: undefined });
    const target = address(new URL(url).port);
    await expect(guarded.call({ url: target, deliveryId: 'd', ...bodyOf('[]') }, { pace })).resolves.toMatchObject({
      status: 'FAILED',
      notification: { code: 403 },
    });
    expect(received).toHaveLength(0);
  });

  it('rejects without a result if it is aborted', async () => {
    const { url } = await receiver('hang');
    const stopping = new AbortController();
    const calling = call(url, { signal: stopping.signal, pace: webhookPace });
    setTimeout(() => stopping.abort(new Error('stopping')), 50);
    await expect(calling).rejects.toThrow('stopping');
  });

  it('uses a proxy, also for names that only the proxy resolves, but not for blocked addresses', async () => {
    const { url, received } = await receiver({ status: 200 });
    const proxy = await startTinyProxy({ 'hooks.invalid': new URL(url).host });
    const restore = withProxyVariables({ HTTP_PROXY: proxy.url });
    try {
      const guarded = new WebhookClient({ WEBHOOK_ALLOW: [], WEBHOOK_ALLOW_PRIVATE: false, WEBHOOK_SECRET: undefined });
      const callOf = (target: string) => guarded.call({ url: target, deliveryId: 'job-1', ...bodyOf('[]') }, { pace });
      expect(await callOf('http://hooks.invalid/x')).toEqual({ status: 'COMPLETED' });
      expect(await callOf('http://localhost/x')).toMatchObject({ status: 'FAILED', notification: { code: 403 } });
      expect(await callOf('http://10.0.0.1/x')).toMatchObject({ status: 'FAILED', notification: { code: 403 } });
      expect([received.length, proxy.requests]).toEqual([1, ['POST http://hooks.invalid/x']]);
    } finally {
      restore();
      proxy.close();
    }
  });

  it('sends the first body that is small enough, or none', async () => {
    const { url, received } = await receiver({ status: 200 });
    const bodies = ['[1,2,3,4]', '["é"]', '[]'].map((text) => () => [text]);
    const callWith = (limit: number) => client.call({ url, deliveryId: 'd', bodies, maxBytes: limit }, { pace });
    for (const limit of [9, 8, 6, 5]) expect(await callWith(limit)).toEqual({ status: 'COMPLETED' });
    expect(received.map(({ body }) => body)).toEqual(['[1,2,3,4]', '["é"]', '["é"]', '[]']);
    expect(await callWith(1)).toMatchObject({ status: 'FAILED', notification: { code: 413 } });
    expect(received).toHaveLength(4);
  });

  it('streams a large body as the receiver reads it, and renders it again for each attempt', async () => {
    const { url, received } = await receiver({ status: 503 }, { status: 200 });
    let rendered = 0;
    async function* parts() {
      rendered++;
      for (let part = 0; part < 100; part++) yield 'x'.repeat(50_000);
    }
    await expect(client.call({ url, deliveryId: 'd', bodies: [parts], maxBytes }, { pace })).resolves.toEqual({ status: 'COMPLETED' });
    expect(received.map(({ body }) => body.length)).toEqual([5_000_000, 5_000_000]);
    expect(rendered).toBe(3);
  });

  it.each([
    ['different', ['[1', ',3]']],
    ['more', ['[1', ',2', ',3]']],
    ['fewer', ['[1', ']']],
    ['no', []],
  ])('never completes a body that has %s bytes when it is sent', async (_, changed) => {
    const { url, received } = await receiver({ status: 200 });
    const renderings = [['[1', ',2]'], changed];
    const changing = { bodies: [() => renderings.shift()!], maxBytes };
    await expect(client.call({ url, deliveryId: 'd', ...changing }, { pace })).rejects.toThrow(BodyChanged);
    expect(received).toHaveLength(0);
  });

  it('rejects if the body cannot be rendered: the receiver is not at fault', async () => {
    const { url, received } = await receiver({ status: 200 });
    let renderings = 0;
    async function* parts() {
      yield '[1';
      if (++renderings === 2) throw new Error('the database is away');
      yield ',2]';
    }
    await expect(client.call({ url, deliveryId: 'd', bodies: [parts], maxBytes }, { pace })).rejects.toThrow('the database is away');
    expect(received).toHaveLength(0);
  });

  it('waits for a receiver that takes half of its time', async () => {
    const { url } = await receiver({ status: 200, delayMs: hurried.timeoutMs / 2 });
    await expect(call(url, { pace: { ...hurried, attempts: 1 } })).resolves.toEqual({ status: 'COMPLETED' });
  });

  it("does not count rendering time as the receiver's time", async () => {
    const { url } = await receiver({ status: 200 });
    async function* parts() {
      yield '[1';
      // Longer than the receiver's timeout.
      await new Promise((resolve) => setTimeout(resolve, 2 * hurried.timeoutMs));
      yield ',2]';
    }
    const result = client.call({ url, deliveryId: 'd', bodies: [parts], maxBytes }, { pace: { ...hurried, attempts: 1 } });
    await expect(result).resolves.toEqual({ status: 'COMPLETED' });
  });

  it('sends a body of usual size completely even if the receiver responds at once', async () => {
    let bytes = 0;
    const server = net.createServer((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n'));
      socket.on('data', (part) => {
        bytes += part.length;
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close = () => server.close();
    // Rendering is asynchronous, as when rows are read.
    async function* render() {
      for (let part = 0; part < 500; part++) {
        await new Promise(setImmediate);
        yield 'x'.repeat(1_000);
      }
    }
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await client.call({ url, deliveryId: 'd', bodies: [render], maxBytes }, { pace })).toEqual({ status: 'COMPLETED' });
    await waitUntil('the complete body has arrived', () => bytes > 500_000);
  });

  it('accepts a response that arrives before the end of the body', async () => {
    const server = http.createServer((_, response) => void response.writeHead(410).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close = () => {
      server.closeAllConnections();
      server.close();
    };
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const large = bodyOf(...Array.from({ length: 180 }, () => 'x'.repeat(50_000)));
    await expect(client.call({ url, deliveryId: 'd', ...large }, { pace })).resolves.toMatchObject({
      status: 'FAILED',
      notification: { code: 410 },
    });
  });
});
