import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Cache folder for downloads and generated data: $XDG_CACHE_HOME/rightsizer, or else ~/.cache/rightsizer. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rightsizer');
}

/** Returns the folder of that name in the cache; `fill` creates its content if it is missing. The folder appears only when complete, also with concurrent calls. */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  const unfinished = join(cacheFolder(), `.${name}-${randomUUID()}`);
  try {
    await mkdir(unfinished, { recursive: true });
    await fill(unfinished);
    // If another process was faster, its folder is used.
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}
