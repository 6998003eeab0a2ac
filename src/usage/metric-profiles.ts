import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { type MetricProfile, MetricProfileError, readMetricProfile } from './read-metric-profile.js';

/** The package's `config` folder; src/usage/ and dist/usage/ are equally deep. */
const shippedConfig = fileURLToPath(new URL('../../config', import.meta.url));

/** The metric profiles of `CONFIG_DIR/metric-profiles/*.json`, read once at boot. */
@Injectable()
export class MetricProfiles {
  private readonly profiles: ReadonlyMap<string, MetricProfile>;

  /** Throws one MetricProfileError that lists the faults of all files. */
  constructor(@InjectSettings() settings: Pick<Settings, 'CONFIG_DIR'>) {
    this.profiles = readFolder(join(settings.CONFIG_DIR ?? shippedConfig, 'metric-profiles'));
  }

  /** The names of all, in the order of the files. */
  names(): string[] {
    return [...this.profiles.keys()];
  }

  find(name: string): MetricProfile | undefined {
    return this.profiles.get(name);
  }
}

function readFolder(folder: string): Map<string, MetricProfile> {
  const profiles = new Map<string, MetricProfile>();
  const faults: string[] = [];
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : [];
  for (const file of files.sort()) {
    try {
      const profile = readMetricProfile(parse(folder, file), file);
      if (profiles.has(profile.name)) faults.push(`${file}: metadata.name: another file has a profile "${profile.name}" too`);
      profiles.set(profile.name, profile);
    } catch (error) {
      if (!(error instanceof MetricProfileError)) throw error;
      faults.push(...error.faults);
    }
  }
  if (faults.length > 0) throw new MetricProfileError(faults);
  return profiles;
}

function parse(folder: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(join(folder, file), 'utf8'));
  } catch (error) {
    throw new MetricProfileError([`${file}: not readable as JSON: ${(error as Error).message}`]);
  }
}
