import { createServer } from 'node:net';

/**
 * Below the ports that Linux gives to outgoing connections (32768 up): a client that keeps asking a stopped server's port up there can
 * end up connected to itself and so take the port from the server that comes back.
 */
const lowest = 15_000;
const highest = 32_000;

/** A TCP port of 127.0.0.1 on which nobody listens: the preferred one, else another. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return preferred;
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    if (await isFree(port)) return port;
  }
  throw new Error(`found no free TCP port from ${lowest} to ${highest} on 127.0.0.1 in 100 attempts`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
