import { connect } from 'node:net';
import { startChild } from './child-process.js';
import { findProgram } from './find-program.js';
import { freePort } from './free-port.js';
import { ensureInstalled } from './install.js';
import { givenServer, type Server, startServer } from './server.js';
import { makeTempFolder } from './temp-folder.js';

export interface RedisServer extends Server {
  readonly url: string;
}

/** Starts a real Redis with an append-only file, so that `kill` loses no data, or uses the one at `given`. */
export async function startRedis({ given }: { given?: string } = {}): Promise<RedisServer> {
  if (given) return { ...givenServer('Redis'), url: given };
  await ensureInstalled({ redis: true });
  const folder = makeTempFolder('redis');
  const port = await freePort();
  const flags = [
    '--bind',
    '127.0.0.1',
    '--port',
    String(port),
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
  ];
  // BullMQ requires that keys are never evicted.
  const server = await startServer(folder, async () => {
    const child = await startChild('Redis', findProgram('redis-server')!, [...flags, '--maxmemory-policy', 'noeviction']);
    return child.untilReady(() => respondsToPing(port));
  });
  return { ...server, url: `redis://127.0.0.1:${port}` };
}

/** Redis responds with `+PONG` after its data are loaded, with `-LOADING` before. */
function respondsToPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('error', () => resolve(false));
    socket.once('data', (response) => {
      resolve(response.toString().startsWith('+PONG'));
      socket.destroy();
    });
  });
}
