import { createServer } from 'node:net';

/**
 * Range below the ports that Linux uses for outgoing connections (from 32768). In that range, a client that keeps connecting to a stopped server's port
 * can connect to itself, which blocks the port when the server restarts.
 */
const minPort = 15_000;
const maxPort = 32_000;

/** Returns a free TCP port of 127.0.0.1: the preferred one, or else another. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return preferred;
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = minPort + Math.floor(Math.random() * (maxPort - minPort));
    if (await isFree(port)) return port;
  }
  throw new Error(`found no free TCP port from ${minPort} to ${maxPort} on 127.0.0.1 in 100 attempts`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
