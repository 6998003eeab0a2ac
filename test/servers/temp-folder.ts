import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();
let goWithUs = false;

/** Makes a folder that goes when this process ends, or earlier by `removeTempFolder`. Other users may enter it: PostgreSQL does not run as root. */
export function makeTempFolder(name: string): string {
  if (!goWithUs) process.once('exit', removeAll);
  goWithUs = true;
  const folder = mkdtempSync(join(tmpdir(), `rightsizer-${name}-`));
  chmodSync(folder, 0o755);
  folders.add(folder);
  return folder;
}

function removeAll(): void {
  for (const folder of folders) removeTempFolder(folder);
}

export function removeTempFolder(folder: string): void {
  folders.delete(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
