import { readFileSync } from 'node:fs';
import { Injectable } from '@nestjs/common';
import { parse } from 'yaml';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import type { Datasource } from './datasource.js';
import { DatasourceConfigError, readDatasources } from './read-datasources.js';

type Configuration = Pick<Settings, 'PROMETHEUS_URL' | 'DATASOURCES_FILE' | 'KRUIZE_CONFIG_FILE'>;

/** What the log and readiness say where no datasource is configured. */
export const noDatasource =
  'No datasource is configured, so every job is refused. Set PROMETHEUS_URL, DATASOURCES_FILE or KRUIZE_CONFIG_FILE.';

/** The registered datasources by name, read once when the process starts; a faulty configuration stops the start. */
@Injectable()
export class Datasources {
  private readonly byName: ReadonlyMap<string, Datasource>;

  constructor(@InjectSettings() settings: Configuration) {
    const datasources = readDatasources({
      prometheusUrl: settings.PROMETHEUS_URL,
      file: settings.DATASOURCES_FILE ? parseFile('DATASOURCES_FILE', settings.DATASOURCES_FILE) : undefined,
      kruizeFile: settings.KRUIZE_CONFIG_FILE ? parseFile('KRUIZE_CONFIG_FILE', settings.KRUIZE_CONFIG_FILE) : undefined,
    });
    this.byName = new Map(datasources.map((datasource) => [datasource.name, datasource]));
  }

  find(name: string): Datasource | undefined {
    return this.byName.get(name);
  }

  /** In the order of the configuration. */
  all(): Datasource[] {
    return [...this.byName.values()];
  }
}

/** JSON is YAML too. */
function parseFile(name: string, path: string): { name: string; content: unknown } {
  try {
    return { name, content: parse(readFileSync(path, 'utf8')) };
  } catch (error) {
    throw new DatasourceConfigError([`${name}: cannot read ${path}: ${(error as Error).message.split('\n')[0]}`]);
  }
}
