import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitUntil } from './servers/wait-until.js';

export interface ReceivedCall {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface WebhookReceiver {
  /** Returns a URL whose calls get the statuses in turn, the last one repeatedly. */
  hook(name: string, ...statuses: number[]): string;
  /** Calls of this hook so far. */
  calls(name: string): readonly ReceivedCall[];
  waitForCalls(name: string, count: number): Promise<readonly ReceivedCall[]>;
  stop(): Promise<void>;
}

/** A local receiver of webhooks. */
export async function startReceiver(): Promise<WebhookReceiver> {
  const answers = new Map<string, number[]>();
  const received = new Map<string, ReceivedCall[]>();
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const name = (request.url ?? '').slice(1);
      const calls = received.get(name) ?? [];
      received.set(name, calls);
      calls.push({ method: request.method ?? '', headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
      const statuses = answers.get(name) ?? [404];
      response.writeHead(statuses[Math.min(calls.length, statuses.length) - 1]!).end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const calls = (name: string) => received.get(name) ?? [];
  return {
    hook: (name, ...statuses) => {
      answers.set(name, statuses);
      return `http://127.0.0.1:${port}/${name}`;
    },
    calls,
    waitForCalls: async (name, count) => {
      await waitUntil(`${count} calls of the webhook ${name} arrive`, () => calls(name).length >= count);
      return calls(name);
    },
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        server.closeAllConnections();
      }),
  };
}
