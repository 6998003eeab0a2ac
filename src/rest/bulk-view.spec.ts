import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { ExperimentRange } from '../bulk/job-reader.js';
import type { BulkJobEntity } from '../bulk/job-rows.js';
import { RejectedRequest } from '../sizing/bulk-request.js';
import { cursorAfter, jobCursor, readJobList, readView, renderJob, sendJson } from './bulk-view.js';

function rejectedFieldOf(query: Record<string, unknown>): string | undefined {
  try {
    readView(query);
    return undefined;
  } catch (error) {
    if (!(error instanceof RejectedRequest)) throw error;
    expect(error.status).toBe(400);
    return error.message.match(/\(field: (\w+)\)$/)?.[1];
  }
}

describe('readView', () => {
  it('selects the summary by default', () => {
    const { selection, experimentName, page } = readView({});
    expect([...selection.included]).toEqual([['summary', 'all']]);
    expect([experimentName, page]).toEqual([undefined, undefined]);
  });

  it('selects everything if verbose is true and include is absent', () => {
    expect([...readView({ verbose: 'true' }).selection.included.keys()]).toEqual(['summary', 'experiments', 'webhook', 'metadata']);
    expect([...readView({ verbose: 'true', include: 'metadata' }).selection.included.keys()]).toEqual(['metadata']);
  });

  it('joins a repeated parameter', () => {
    expect([...readView({ include: ['summary', 'metadata'] }).selection.included.keys()]).toEqual(['summary', 'metadata']);
  });

  it('ignores unknown parameters', () => expect(readView({ foo: 'x', job_id: 'y' })).toEqual(readView({})));

  it.each(['ns|app(deployment)|c', 'ünï😀', '"\\\n', 'x'.repeat(2_000)])('continues after the name %j', (name) => {
    expect(readView({ limit: '3', cursor: cursorAfter(name) }).page).toEqual({ limit: 3, after: name });
  });

  it.each(['1', '10000'])('accepts limit=%s', (limit) => expect(readView({ limit }).page).toEqual({ limit: Number(limit), after: '' }));

  it.each([
    [{ limit: '0' }, 'limit'],
    [{ limit: '10001' }, 'limit'],
    [{ limit: '-1' }, 'limit'],
    [{ limit: '1.5' }, 'limit'],
    [{ limit: '1e2' }, 'limit'],
    [{ limit: '' }, 'limit'],
    [{ limit: 'ten' }, 'limit'],
    [{ limit: '5', cursor: '***' }, 'cursor'],
    [{ limit: '5', cursor: 'YQ==' }, 'cursor'],
    [{ limit: '5', cursor: Buffer.from([0xff]).toString('base64url') }, 'cursor'],
    [{ limit: '5', cursor: cursorAfter('a\u0000') }, 'cursor'],
    [{ experiment_name: 'a\u0000' }, 'experiment_name'],
    [{ include: { a: 'b' } }, 'include'],
    [{ exclude: { a: 'b' } }, 'exclude'],
  ])('rejects %j and names the parameter', (query, field) => expect(rejectedFieldOf(query)).toBe(field));

  it('quotes the rejected value, shortened', () => {
    expect(() => readView({ limit: '9'.repeat(1_000) })).toThrow(
      `"${'9'.repeat(100)}" is not a whole number from 1 to 10000 (field: limit)`,
    );
    expect(() => readView({ limit: { a: 'b' } })).toThrow('{"a":"b"} is not a whole number');
  });
});

const id = '00000000-0000-4000-8000-00000000000a';
const startedAt = new Date('2026-11-21T03:30:00.123Z');

it('returns the first hundred of all jobs by default', () => {
  expect(readJobList({})).toEqual({ limit: 100, status: undefined, after: undefined });
});

it('reads a status, a limit and a cursor', () => {
  expect(readJobList({ status: 'FAILED', limit: '7', cursor: jobCursor({ startedAt, id }) })).toEqual({
    limit: 7,
    status: 'FAILED',
    after: { startedAt, id },
  });
});

it.each([
  [{ status: 'DONE' }, /"DONE" is not one of .*FAILED.* \(field: status\)/],
  [{ status: ['FAILED'] }, /field: status/],
  [{ limit: '0' }, /field: limit/],
  [{ cursor: 'x' }, /field: cursor/],
  [{ cursor: jobCursor({ startedAt, id: 'short' }) }, /field: cursor/],
  [{ cursor: jobCursor({ startedAt, id: '-'.repeat(36) }) }, /field: cursor/],
  [{ cursor: jobCursor({ startedAt: new Date(-8.64e15), id }) }, /field: cursor/],
  [{ cursor: Buffer.from(`then ${id}`).toString('base64url') }, /field: cursor/],
])('rejects %j', (query, message) => {
  expect(() => readJobList(query)).toThrow(message);
});

const job = { webhook: { status: 'COMPLETED' } } as unknown as BulkJobEntity;
const names = ['a', 'b', 'c'];

/** Response to a query about a job with three experiments. Their status is whether their recommendations were requested. */
async function render(query: Record<string, string>) {
  const documents = (withRecommendations: boolean) => names.map((name) => ({ name, status: String(withRecommendations) }));
  const reader = {
    summary: async () => ({ status: 'COMPLETED' }),
    metadata: async () => undefined,
    experiment: async (_: unknown, name: string) => documents(true).find((each) => each.name === name),
    names: async (_: unknown, after: string, limit: number) => names.filter((name) => name > after).slice(0, limit),
    experiments: (_: unknown, { withRecommendations, after = '', limit }: ExperimentRange) =>
      documents(withRecommendations)
        .filter(({ name }) => name > after)
        .slice(0, limit),
  };
  const { parts, nextCursor } = await renderJob(job, readView(query), reader as never);
  let text = '';
  for await (const part of parts) text += part;
  return { document: JSON.parse(text), nextCursor };
}

const rendered = (status: string, ...wanted: string[]) => Object.fromEntries(wanted.map((name) => [name, { name, status }]));

it.each([
  [{}, { summary: { status: 'COMPLETED' } }],
  [{ include: 'webhook' }, { webhook: { status: 'COMPLETED' } }],
  [{ include: 'metadata' }, {}],
  [{ include: 'summary,webhook,metadata' }, { summary: { status: 'COMPLETED' }, webhook: { status: 'COMPLETED' } }],
  [{ include: 'experiments' }, { experiments: rendered('true', ...names) }],
  [{ include: 'experiments|status' }, { experiments: { a: { status: 'false' }, b: { status: 'false' }, c: { status: 'false' } } }],
  [{ include: 'experiments', experiment_name: 'b' }, { experiments: rendered('true', 'b') }],
  [{ include: 'experiments', experiment_name: 'x' }, { experiments: {} }],
])('renders %j', async (query, document) => {
  expect(await render(query as Record<string, string>)).toEqual({ document, nextCursor: undefined });
});

it('returns pages, each but the last with the cursor of the next one', async () => {
  const first = await render({ include: 'experiments', limit: '2' });
  expect(first.document).toEqual({ experiments: rendered('true', 'a', 'b') });
  const second = await render({ include: 'experiments', limit: '2', cursor: first.nextCursor! });
  expect(second).toEqual({ document: { experiments: rendered('true', 'c') }, nextCursor: undefined });
  expect((await render({ include: 'experiments', limit: '3' })).nextCursor).toBeUndefined();
});

let close: () => void = () => undefined;
afterEach(() => close());

/** Serves the parts. `failure` resolves to the error of sendJson, or undefined. */
async function serve(parts: AsyncIterable<string>) {
  const app = express();
  let settle: (failure: unknown) => void = () => undefined;
  const failure = new Promise<unknown>((resolve) => (settle = resolve));
  app.get('/', (_, response) => {
    sendJson(response, parts).then(
      () => settle(undefined),
      (error) => {
        settle(error);
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
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toMatch(/^application\/json; ?charset=utf-8$/);
  expect(await response.json()).toEqual([1, 2]);
});

it('allows an error response if the first part fails', async () => {
  const { url, failure } = await serve(failingAfter());
  expect((await fetch(url)).status).toBe(503);
  expect(String(await failure)).toContain('the database is away');
});

it('cuts off a response that fails in the middle', async () => {
  const { url, failure } = await serve(failingAfter('[1'));
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
  expect(String(await failure)).toContain('the database is away');
});

it('stops without an error if the caller disconnects', async () => {
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

it('stops reading, without an error, if the request already has another response', async () => {
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
