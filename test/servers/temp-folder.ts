import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearUpLater, isClearedUp } from './clear-up.js';

/** Creates a folder that is removed when this process ends, or earlier by `removeTempFolder`. Other users can enter it, because PostgreSQL does not run as root. */
export function makeTempFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `rightsizer-${name}-`));
  chmodSync(folder, 0o755);
  clearUpLater('folder', folder);
  return folder;
}

export function removeTempFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  isClearedUp(folder);
}
