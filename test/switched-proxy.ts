import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One URL in front of several servers, of which one is active. */
export interface SwitchedProxy {
  readonly url: string;
  /** Bytes of responses to usage queries since the last call. */
  takeUsageBytes(): number;
  switchTo(target: string): void;
  stop(): Promise<void>;
}

const usagePaths = ['/api/v1/read', '/api/v1/query_range'];

/** Starts a proxy in front of a server. */
export async function startSwitchedProxy(firstTarget: string): Promise<SwitchedProxy> {
  let target = firstTarget;
  let usageBytes = 0;
  const server = createServer((incoming, answer) => {
    const { method, headers } = incoming;
    const onward = request(new URL(incoming.url!, target), { method, headers }, (reply) => {
      answer.writeHead(reply.statusCode!, reply.headers);
      if (usagePaths.some((path) => incoming.url!.startsWith(path))) {
        reply.on('data', (chunk: Buffer) => {
          usageBytes += chunk.length;
        });
      }
      reply.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    takeUsageBytes: () => {
      const taken = usageBytes;
      usageBytes = 0;
      return taken;
    },
    switchTo: (next) => {
      target = next;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
