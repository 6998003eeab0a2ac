import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import pg from 'pg';
import { inspectConfigured, noDatasource } from './datasource/datasources.js';
import { Layers } from './profiles/layer.js';
import { MetadataProfiles } from './profiles/metadata-profile.js';
import { MetricProfiles } from './profiles/metric-profile.js';
import { compileKernel } from './remote-read/kernel.js';
import { fileFaults, type NamedFile, whyUnreadable } from './settings/files.js';
import { proxyFaults } from './settings/proxy.js';
import { inspectSettings, SettingsError } from './settings/read-settings.js';
import type { Settings } from './settings/settings-schema.js';
import { requestDefaults } from './sizing/bulk-request.js';

/**
 * Checks the settings, the files that they name and the build, before any server starts. Throws one SettingsError with all errors. Each error begins
 * with the name of its setting and shows no secrets.
 */
export function checkStart(environment: Readonly<Record<string, string | undefined>>): { settings: Settings; warnings: readonly string[] } {
  const { settings, faults, warnings } = inspectSettings(environment);
  const { datasources, ...configured } = inspectConfigured(settings);
  const all = [
    ...faults,
    ...proxyFaults(environment),
    ...configured.faults,
    ...fileFaults([...kafkaFiles(settings), ...configured.files]),
    ...databaseFaults(settings),
    ...configFaults(settings),
    ...(compileKernel() ? [] : ['The build is not complete: remote-read/kernel.wasm is missing or broken. Run npm run build.']),
  ];
  if (all.length > 0) throw new SettingsError([...new Set(all)]);
  return { settings, warnings: datasources.length > 0 ? warnings : [...warnings, noDatasource] };
}

function configFaults(settings: Settings): string[] {
  const folder = settings.CONFIG_DIR;
  const fault = folder === undefined ? undefined : folderFault(folder, { mayBeCreated: false });
  if (fault) return [`CONFIG_DIR: ${fault}. Create the folder or unset CONFIG_DIR`];
  return [
    ...faultsIn(() => missingProfile('metadata profile', requestDefaults.metadata_profile, new MetadataProfiles(settings))),
    ...faultsIn(() => missingProfile('metric profile', requestDefaults.metric_profile, new MetricProfiles(settings))),
    ...faultsIn(() => {
      new Layers(settings);
      return [];
    }),
  ];
}

function databaseFaults(settings: Settings): string[] {
  if (settings.DATABASE_URL === undefined) {
    const fault = folderFault(settings.DATA_DIR, { mayBeCreated: true });
    return fault ? [`DATA_DIR: ${fault}. Set DATA_DIR to a folder that this user can write to, or set DATABASE_URL`] : [];
  }
  // The constructor of pg.Client reads the files in the URL (sslrootcert, sslcert, sslkey).
  return (['DATABASE_URL', 'DATABASE_DIRECT_URL'] as const).flatMap((name) => {
    try {
      if (settings[name]) new pg.Client({ connectionString: settings[name] });
      return [];
    } catch (error) {
      return [`${name}: cannot read ${(error as NodeJS.ErrnoException).path ?? 'it'}: ${whyUnreadable(error)}`];
    }
  });
}

/** Returns why a path is not a folder and, if `mayBeCreated`, cannot be created; undefined if it can be used. */
function folderFault(path: string, { mayBeCreated }: { mayBeCreated: boolean }): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : `${path} is not a folder`;
  } catch (error) {
    const parent = dirname(resolve(path));
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (mayBeCreated && isMissing && parent !== path) return folderFault(parent, { mayBeCreated });
    return `cannot read ${path}: ${whyUnreadable(error)}`;
  }
}

/** Returns the errors that `read` returns or throws. Those that do not name a setting are about CONFIG_DIR. */
function faultsIn(read: () => string[]): string[] {
  try {
    return read();
  } catch (error) {
    const { errors = [error as Error] } = error as Partial<AggregateError>;
    const { faults = errors.map(({ message }) => message) } = error as { faults?: readonly string[] };
    return faults.map((fault) => (/^[A-Z]+_?[A-Z_]+( \(|:)/.test(fault) ? fault : `CONFIG_DIR: ${fault}`));
  }
}

function missingProfile(kind: string, name: string, profiles: { find(name: string): unknown }): string[] {
  return profiles.find(name) ? [] : [`CONFIG_DIR: there is no ${kind} "${name}", which jobs use by default`];
}

function kafkaFiles(settings: Settings): NamedFile[] {
  const kinds = { KAFKA_SSL_CAFILE: 'certificate', KAFKA_SSL_CERTFILE: 'certificate', KAFKA_SSL_KEYFILE: 'key' } as const;
  return Object.entries(kinds).flatMap(([place, kind]) => {
    const path = settings[place as keyof typeof kinds];
    return path ? [{ place, path, kind, certificatePath: settings.KAFKA_SSL_CERTFILE }] : [];
  });
}
