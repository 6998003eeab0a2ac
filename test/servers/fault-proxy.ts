import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';

/**
 * What a proxy does to its open and new connections:
 * `pass`: nothing; `reset`: resets them; `hang`: keeps them open and drops every byte; `half-close`: closes the client's side;
 * `slow`: passes a few kilobytes per second; `cut`: closes them in the middle of the next data; `refuse`: accepts no connections.
 */
export const faultModes = ['pass', 'reset', 'hang', 'half-close', 'slow', 'cut', 'refuse'] as const;
export type FaultMode = (typeof faultModes)[number];

/** A TCP proxy on 127.0.0.1 that injects faults between clients and a server. */
export interface FaultProxy {
  readonly port: number;
  /** Changes the mode; resolves when it is in effect. */
  mode(mode: FaultMode): Promise<void>;
  close(): Promise<void>;
}

const slowChunkBytes = 1_024;
const slowPauseMs = 250;
const cutAfterBytes = 200;

/** Starts a proxy in mode `pass` for a port of 127.0.0.1. The server need not run yet. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const links = new Set<Link>();
  let mode: FaultMode = 'pass';
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const link = new Link(client, connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true }), () => links.delete(link));
    links.add(link);
    link.mode(mode);
  });
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    mode: async (next) => {
      if (mode === 'refuse' && next !== 'refuse') await listen(server, port);
      if (mode !== 'refuse' && next === 'refuse') server.close();
      mode = next;
      for (const link of [...links]) link.mode(next);
    },
    close: async () => {
      for (const link of [...links]) link.end();
      if (mode !== 'refuse') await new Promise((closed) => server.close(closed));
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((ready, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', failed);
      ready();
    });
  });
}

/** A connection of a client and its connection to the server. */
class Link {
  private current: FaultMode = 'pass';
  private leftBytes = Number.POSITIVE_INFINITY;

  constructor(
    private readonly client: Socket,
    private readonly target: Socket,
    private readonly onEnd: () => void,
  ) {
    client.pipe(this.filter()).pipe(target);
    target.pipe(this.filter()).pipe(client);
    for (const socket of [client, target]) {
      socket.on('error', () => this.end());
      socket.on('close', () => this.end());
    }
  }

  mode(mode: FaultMode): void {
    this.current = mode;
    this.leftBytes = mode === 'cut' ? cutAfterBytes : Number.POSITIVE_INFINITY;
    if (mode === 'reset') this.client.resetAndDestroy();
    if (mode === 'half-close') this.client.end();
    if (mode === 'refuse') this.end();
  }

  end(): void {
    this.client.destroy();
    this.target.destroy();
    this.onEnd();
  }

  private filter(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _, pass) => {
        if (this.current === 'hang') return pass();
        if (this.current === 'slow') return setTimeout(() => pass(null, chunk), (chunk.length / slowChunkBytes) * slowPauseMs);
        this.leftBytes -= chunk.length;
        if (this.leftBytes > 0) return pass(null, chunk);
        pass(null, chunk.subarray(0, chunk.length + this.leftBytes));
        setImmediate(() => this.end());
      },
    });
  }
}
