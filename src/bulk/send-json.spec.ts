import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { sendJson } from './send-json.js';

let close: () => void = () => undefined;
afterEach(() => close());

/** Serves the parts; `failure` is what sendJson rejects with. */
async function serve(parts: AsyncIterable<string>) {
  const app = express();
  let told: (failure: unknown) => void = () => undefined;
  const failure = new Promise<unknown>((resolve) => (told = resolve));
  app.get('/', (_, response) => {
    sendJson(response, parts).then(
      () => told(undefined),
      (error) => {
        told(error);
        if (!response.headersSent) response.status(503).end();
      },
    );
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, failure };
}

async function* failingAfter(...parts: string[]): AsyncGenerator<string> {
  yield* parts;
  throw new Error('the database is away');
}

it('sends all parts', async () => {
  async function* parts() {
    yield '[1';
    yield ',2]';
  }
  const { url } = await serve(parts());
  const answer = await fetch(url);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json; ?charset=utf-8$/);
  expect(await answer.json()).toEqual([1, 2]);
});

it('leaves room for an error answer where the first part fails', async () => {
  const { url, failure } = await serve(failingAfter());
  expect((await fetch(url)).status).toBe(503);
  expect(String(await failure)).toContain('the database is away');
});

it('cuts an answer that fails in its middle', async () => {
  const { url, failure } = await serve(failingAfter('[1'));
  await expect(fetch(url).then((answer) => answer.text())).rejects.toThrow();
  expect(String(await failure)).toContain('the database is away');
});

it('ends quietly when the caller goes', async () => {
  async function* endless() {
    for (;;) {
      await new Promise((done) => setTimeout(done, 5));
      yield 'x'.repeat(1_000);
    }
  }
  const { url, failure } = await serve(endless());
  const caller = new AbortController();
  await fetch(url, { signal: caller.signal });
  caller.abort();
  expect(await failure).toBeUndefined();
});

it('reads no further, and rejects with nothing, where the request got another answer meanwhile', async () => {
  const read: string[] = [];
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  async function* parts() {
    try {
      for (const part of ['[1', ',2', ',3', ']']) {
        read.push(part);
        yield part;
      }
    } finally {
      stop();
    }
  }
  const app = express();
  let sending: Promise<void> | undefined;
  app.get('/', (_, response) => {
    response.status(503).end('late');
    sending = sendJson(response, parts());
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  expect(await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).text()).toBe('late');
  expect(await sending).toBeUndefined();
  await stopped;
  expect(read.length).toBeLessThan(4);
});
