import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFolder } from './embedded-postgres.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rightsizer-lock-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('lockFolder', () => {
  it('rejects a locked folder by any path, names the holder, and locks the folder after it is unlocked', async () => {
    const link = join(folder, 'link');
    symlinkSync(folder, link);
    const unlock = await lockFolder(folder);
    for (const name of [folder, link]) await expect(lockFolder(name)).rejects.toThrow(`another rightsizer (process ${process.pid})`);
    await unlock();
    await (await lockFolder(link))();
  });

  // A socket is not visible from another network namespace; the file lock is.
  const withFlock = spawnSync('flock', ['--version']).error ? it.skip : it;

  withFlock('rejects a folder that a process in another network namespace holds, until that process ends', async () => {
    const holder = await holdFile(join(folder, 'lock'));
    await expect(lockFolder(folder)).rejects.toThrow(`DATA_DIR ${folder} is in use by a rightsizer in another container`);
    holder.stdin!.end();
    await once(holder, 'exit');
    await (await lockFolder(folder))();
  });
});

/** Starts a process that holds the lock until its stdin ends. */
async function holdFile(file: string): Promise<ChildProcess> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo locked; exec cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(holder.stdout!, 'data');
  return holder;
}
