import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
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
  /** Reads the document of a file. Throws a ConfigError whose faults name the file. */
  readonly read: (document: unknown, file: string, path: string) => T;
  /** Field of the document that has the item's name. */
  readonly nameField: string;
  readonly nameOf: (item: T) => string;
}

/**
 * Reads all JSON and YAML files of a folder in the order of their names. Returns the items by name. A missing folder is empty. Throws one
 * ConfigError with the faults of all files.
 */
export function readConfigFolder<T>({ CONFIG_DIR }: Pick<Settings, 'CONFIG_DIR'>, format: FolderFormat<T>): ReadonlyMap<string, T> {
  const folder = join(CONFIG_DIR ?? shippedConfig(), format.folder);
  const items = new Map<string, T>();
  const faults: string[] = [];
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /\.(json|ya?ml)$/.test(file)) : [];
  for (const file of files.sort()) {
    const path = join(folder, file);
    try {
      const item = format.read(parseFile(path), file, path);
      const name = format.nameOf(item);
      if (items.has(name)) faults.push(`${path}: ${format.nameField}: another file has the name "${name}" too`);
      else items.set(name, item);
    } catch (error) {
      faults.push(...(error instanceof ConfigError ? error.faults : [`${path}: ${(error as Error).message}`]));
    }
  }
  if (faults.length > 0) throw new ConfigError(format.folder.replace('-', ' '), faults);
  return items;
}

function parseFile(path: string): unknown {
  const text = readFileSync(path, 'utf8');
  const kind = path.endsWith('.json') ? 'JSON' : 'YAML';
  try {
    return kind === 'JSON' ? JSON.parse(text) : parse(text);
  } catch (error) {
    throw new Error(`not readable as ${kind}: ${(error as Error).message.split('\n')[0]}`);
  }
}

/** The package's `config` folder: searched upwards, because src/ and dist/ differ in depth. */
function shippedConfig(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'config', 'metadata-profiles')) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, 'config');
}
