import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Time for the holder to send its process id. A holder that is too busy for that still holds the lock. */
const responseMs = 1_000;

/**
 * Locks an existing folder for this process and returns the function that unlocks it. The kernel releases the lock when the process ends, even by kill -9.
 * Uses two locks, because each has a gap: a socket can report its holder but is visible only in its network namespace; a file lock is visible wherever
 * the file is, but needs the program `flock`. Throws an Error that names the holder.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const server = await listenOn(folder);
  try {
    const file = lockFileIn(folder);
    return async () => {
      server.close();
      closeSync(file);
    };
  } catch (error) {
    server.close();
    throw error;
  }
}

async function listenOn(folder: string): Promise<Server> {
  const path = await socketOf(folder);
  const server = createServer((socket) => socket.on('error', () => undefined).end(String(process.pid)));
  server.unref();
  for (const isLast of [false, true]) {
    server.listen(path);
    const failed = await once(server, 'listening').then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error,
    );
    if (!failed) return server;
    const holder = failed.code === 'EADDRINUSE' ? await holderOf(path) : undefined;
    if (holder !== undefined) throw inUse(folder, `another rightsizer (process ${holder})`);
    if (isLast || failed.code !== 'EADDRINUSE') throw failed;
    await rm(path, { force: true }); // left by a killed process
  }
  throw new Error(`DATA_DIR ${folder} cannot be locked.`);
}

/**
 * Returns the descriptor of the locked file. `flock` locks the open file that it shares with this process, so the lock outlives `flock` and ends with our
 * descriptor, which no other child inherits. Without `flock` (every Linux distribution has it, macOS does not) only the socket locks.
 */
function lockFileIn(folder: string): number {
  const file = openSync(join(folder, 'lock'), 'a', 0o600);
  const { status } = spawnSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', file] });
  if (status !== 1) return file;
  closeSync(file);
  throw inUse(folder, 'a rightsizer in another container or network namespace');
}

function inUse(folder: string, holder: string): Error {
  return new Error(`DATA_DIR ${folder} is in use by ${holder}. Stop it, or set DATA_DIR to another folder.`);
}

/** An abstract socket name on Linux, which needs no file; elsewhere a file in the temporary folder. */
async function socketOf(folder: string): Promise<string> {
  const real = await realpath(folder);
  const name = `rightsizer-${createHash('sha256').update(real).digest('hex').slice(0, 32)}`;
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.lock`);
}

/** Process id of the holder, `unknown` if it does not send it; undefined if nobody holds the lock. */
async function holderOf(path: string): Promise<string | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    const [pid] = await once(socket, 'data', { signal: AbortSignal.timeout(responseMs) }).catch(() => ['unknown']);
    return String(pid);
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
