import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what is costly to make is kept from run to run: $XDG_CACHE_HOME/rightsizer, else ~/.cache/rightsizer. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rightsizer');
}

/** The folder of that name in the cache; `fill` makes it when it is not there. It appears whole or not at all, also with several at once. */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  const unfinished = join(cacheFolder(), `.${name}-${randomUUID()}`);
  try {
    await mkdir(unfinished, { recursive: true });
    await fill(unfinished);
    // Another process may have been faster: then its folder is as good as ours.
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}
