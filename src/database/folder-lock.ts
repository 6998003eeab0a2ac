import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { realpath, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A holder that is too busy to tell its process id holds the lock all the same. */
const answerMs = 1_000;

/**
 * Locks a folder for this process; returns how to let go of it. The lock is a socket of this machine that is named after the folder: it ends with the process,
 * however that ends, so nothing is left behind by a kill -9. Throws an Error that names the process that holds it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = await socketOf(folder);
  const server = createServer((socket) => socket.on('error', () => undefined).end(String(process.pid)));
  server.unref();
  for (const isLast of [false, true]) {
    server.listen(path);
    const failed = await once(server, 'listening').then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error,
    );
    if (!failed) return async () => void server.close();
    const holder = failed.code === 'EADDRINUSE' ? await holderOf(path) : undefined;
    if (holder !== undefined) {
      throw new Error(
        `DATA_DIR ${folder} is in use by another rightsizer (process ${holder}). Stop it, or set DATA_DIR to another folder.`,
      );
    }
    if (isLast || failed.code !== 'EADDRINUSE') throw failed;
    await rm(path, { force: true }); // the file of a process that was killed
  }
  throw new Error(`${folder} cannot be locked`);
}

/** Linux has names for sockets that are no files; elsewhere it is a file of the machine's temporary folder. */
async function socketOf(folder: string): Promise<string> {
  const real = await realpath(folder).catch(() => folder);
  const name = `rightsizer-${createHash('sha256').update(real).digest('hex').slice(0, 32)}`;
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.lock`);
}

/** Process id of the holder, `unknown` where it does not tell; undefined: nobody holds it. */
async function holderOf(path: string): Promise<string | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    const [pid] = await once(socket, 'data', { signal: AbortSignal.timeout(answerMs) }).catch(() => ['unknown']);
    return String(pid);
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
