import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Settings } from '../settings/settings-schema.js';

/** Files of CONFIG_DIR are invalid. Each fault names the file and the field. */
export class ConfigError extends Error {
  constructor(
    what: string,
    readonly faults: readonly string[],
  ) {
    super(`Faulty ${what}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = new.target.name;
  }
}

/** How to read the files of one folder of CONFIG_DIR. */
export interface FolderFormat<T> {
  readonly folder: string;
  readonly files: RegExp;
  /** Reads the content of a file; throws a ConfigError. */
  readonly read: (content: string, file: string, path: string) => T;
  readonly nameOf: (item: T) => string;
  /** The fault of a file whose item has the same name as an earlier one. */
  readonly isTaken: (name: string, file: string, path: string) => string;
}

/**
 * Reads all files of a folder in the order of their names. Returns the items by name, and the faults of all files. A missing folder is
 * empty.
 */
export function readConfigFolder<T>({ CONFIG_DIR }: Pick<Settings, 'CONFIG_DIR'>, format: FolderFormat<T>) {
  const folder = join(CONFIG_DIR ?? shippedConfig(), format.folder);
  const items = new Map<string, T>();
  const faults: string[] = [];
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => format.files.test(file)) : [];
  for (const file of files.sort()) {
    const path = join(folder, file);
    try {
      const item = format.read(readFileSync(path, 'utf8'), file, path);
      const name = format.nameOf(item);
      if (items.has(name)) faults.push(format.isTaken(name, file, path));
      else items.set(name, item);
    } catch (error) {
      faults.push(...(error instanceof ConfigError ? error.faults : [`${path}: ${(error as Error).message}`]));
    }
  }
  return { items: items as ReadonlyMap<string, T>, faults: faults as readonly string[] };
}

/** The package's `config` folder: searched upwards, because src/ and dist/ differ in depth. */
function shippedConfig(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'config', 'metadata-profiles')) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, 'config');
}
