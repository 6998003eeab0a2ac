import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { type MetadataProfile, MetadataProfileError } from './metadata-profile.js';
import { readMetadataProfile } from './read-metadata-profile.js';

/** The metadata profiles of CONFIG_DIR/metadata-profiles by name, read once when the process starts; faulty ones stop the start. */
@Injectable()
export class MetadataProfiles {
  private readonly byName = new Map<string, MetadataProfile>();

  /** Throws one AggregateError with a MetadataProfileError for each faulty file. */
  constructor(@InjectSettings() settings: Pick<Settings, 'CONFIG_DIR'>) {
    const folder = join(settings.CONFIG_DIR ?? shippedConfig(), 'metadata-profiles');
    const errors: Error[] = [];
    for (const file of existsSync(folder) ? readdirSync(folder).sort() : []) {
      try {
        if (file.endsWith('.json')) this.add(join(folder, file));
      } catch (error) {
        errors.push(error as Error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map(({ message }) => message).join('\n'));
  }

  find(name: string): MetadataProfile | undefined {
    return this.byName.get(name);
  }

  /** By name. */
  all(): MetadataProfile[] {
    return [...this.byName.values()];
  }

  private add(path: string): void {
    const profile = readMetadataProfile(path, readFileSync(path, 'utf8'));
    const { name } = profile.metadata;
    if (this.byName.has(name)) throw new MetadataProfileError(path, [`metadata.name: another file has the name ${name} too`]);
    this.byName.set(name, profile);
  }
}

/** The package's folder `config`: the nearest one upwards, since this file runs from src/ and from the deeper dist/. */
function shippedConfig(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'config', 'metadata-profiles')) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, 'config');
}
