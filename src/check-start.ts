import { accessSync, constants } from 'node:fs';
import { requestDefaults } from './bulk/bulk-request.js';
import { compileKernel } from './chunks/decode/wasm-kernel.js';
import type { Datasource } from './datasource/datasource.js';
import { Datasources, noDatasource } from './datasource/datasources.js';
import { filesOf } from './datasource/read-datasources.js';
import { MetadataProfiles } from './discovery/metadata-profiles.js';
import { proxyFaults } from './settings/proxy.js';
import { inspectSettings, SettingsError } from './settings/read-settings.js';
import type { Settings } from './settings/settings-schema.js';
import { Layers } from './usage/layers/layers.js';
import { MetricProfiles } from './usage/metric-profiles.js';

/** What a start is made of. */
export interface Start {
  readonly settings: Settings;
  /** What the operator should know though it is no fault. */
  readonly warnings: readonly string[];
}

/**
 * Reads everything that a start reads, before any server starts: settings, the files that they name, and what was built. Throws one
 * SettingsError with all faults, each of which begins with the name of its setting; secrets are not shown.
 */
export function checkStart(environment: Readonly<Record<string, string | undefined>>): Start {
  const { settings, faults, warnings } = inspectSettings(environment);
  let datasources: readonly Datasource[] = [];
  const file = settings.DATASOURCES_FILE ? 'DATASOURCES_FILE' : 'KRUIZE_CONFIG_FILE';
  const all = [
    ...faults,
    ...proxyFaults(environment),
    ...(['KAFKA_SSL_CAFILE', 'KAFKA_SSL_CERTFILE', 'KAFKA_SSL_KEYFILE'] as const).flatMap((name) => fileFaults(name, settings[name])),
    ...faultsIn(file, () => {
      datasources = new Datasources(settings).all();
      return datasources.flatMap(filesOf).flatMap(({ place, path }) => fileFaults(`${file}: ${place}`, path));
    }),
    ...faultsIn('CONFIG_DIR', () => lacking('metadata profile', requestDefaults.metadata_profile, new MetadataProfiles(settings))),
    ...faultsIn('CONFIG_DIR', () => lacking('metric profile', requestDefaults.metric_profile, new MetricProfiles(settings))),
    ...faultsIn('CONFIG_DIR', () => {
      new Layers(settings);
      return [];
    }),
    ...(compileKernel() ? [] : ['The build is not complete: chunks/decode/kernel.wasm is missing or broken. Run npm run build.']),
  ];
  if (all.length > 0) throw new SettingsError([...new Set(all)]);
  return { settings, warnings: datasources.length > 0 ? warnings : [...warnings, noDatasource] };
}

/** The faults that `read` gives or throws; those that name no setting get this one's name. */
function faultsIn(setting: string, read: () => readonly string[]): string[] {
  try {
    return [...read()];
  } catch (error) {
    const { errors = [error as Error] } = error as Partial<AggregateError>;
    const { faults = errors.map(({ message }) => message) } = error as { faults?: readonly string[] };
    return faults.map((fault) => (/^[A-Z]+_?[A-Z_]+( \(|:)/.test(fault) ? fault : `${setting}: ${fault}`));
  }
}

function lacking(kind: string, name: string, profiles: { find(name: string): unknown }): string[] {
  return profiles.find(name) ? [] : [`CONFIG_DIR: there is no ${kind} "${name}", which jobs use unless they name another`];
}

function fileFaults(place: string, path: string | undefined): string[] {
  if (path === undefined) return [];
  try {
    accessSync(path, constants.R_OK);
    return [];
  } catch (error) {
    return [`${place}: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`];
  }
}
