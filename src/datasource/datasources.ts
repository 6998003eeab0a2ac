import { readFileSync } from 'node:fs';
import { Injectable } from '@nestjs/common';
import { parse } from 'yaml';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import type { Datasource } from './datasource.js';
import { DatasourceConfigError, readDatasources } from './read-datasources.js';

/** The registered datasources by name, read once when the process starts; a faulty configuration stops the start. */
@Injectable()
export class Datasources {
  private readonly byName: ReadonlyMap<string, Datasource>;

  constructor(@InjectSettings() settings: Pick<Settings, 'PROMETHEUS_URL' | 'DATASOURCES_FILE'>) {
    const file = settings.DATASOURCES_FILE;
    const datasources = readDatasources({
      prometheusUrl: settings.PROMETHEUS_URL,
      ...(file && { file: { name: file, content: parseFile(file) } }),
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
function parseFile(file: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new DatasourceConfigError([`DATASOURCES_FILE: cannot read ${file}: ${(error as Error).message.split('\n')[0]}`]);
  }
}
