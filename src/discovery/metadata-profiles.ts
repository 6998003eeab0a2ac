import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { type MetadataProfile, MetadataProfileError } from './metadata-profile.js';
import { readMetadataProfile } from './read-metadata-profile.js';

/** The metadata profiles of CONFIG_DIR/metadata-profiles by name, read once when the process starts; a faulty one stops the start. */
@Injectable()
export class MetadataProfiles {
  private readonly byName = new Map<string, MetadataProfile>();

  constructor(@InjectSettings() settings: Pick<Settings, 'CONFIG_DIR'>) {
    const folder = join(settings.CONFIG_DIR ?? shippedConfig(), 'metadata-profiles');
    for (const file of existsSync(folder) ? readdirSync(folder).sort() : []) {
      if (file.endsWith('.json')) this.add(join(folder, file));
    }
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
