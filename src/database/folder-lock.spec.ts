import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFolder } from './folder-lock.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rightsizer-lock-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('lockFolder', () => {
  it('refuses a locked folder by any name, names the holder, and takes the folder when it is unlocked', async () => {
    const link = join(folder, 'link');
    symlinkSync(folder, link);
    const unlock = await lockFolder(folder);
    for (const name of [folder, link]) await expect(lockFolder(name)).rejects.toThrow(`another rightsizer (process ${process.pid})`);
    await unlock();
    await (await lockFolder(link))();
  });

  // The socket of a process in another network namespace is out of sight: only its lock on the file is seen.
  const withFlock = spawnSync('flock', ['--version']).error ? it.skip : it;

  withFlock('refuses a folder whose holder has another network, until that one ends', async () => {
    const holder = await holdFile(join(folder, 'lock'));
    await expect(lockFolder(folder)).rejects.toThrow(`DATA_DIR ${folder} is in use by a rightsizer in another container`);
    holder.stdin!.end();
    await once(holder, 'exit');
    await (await lockFolder(folder))();
  });
});

/** A process that holds the lock until its input ends. */
async function holdFile(file: string): Promise<ChildProcess> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo locked; exec cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(holder.stdout!, 'data');
  return holder;
}
