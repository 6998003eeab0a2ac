import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { whyUnreadable } from '../settings/files.js';
import type { Settings } from '../settings/settings-schema.js';
import type { Datasource } from './datasource.js';
import { DatasourceConfigError, type InspectedDatasources, inspectDatasources } from './read-datasources.js';

type Configuration = Pick<Settings, 'PROMETHEUS_URL' | 'DATASOURCES_FILE' | 'KRUIZE_CONFIG_FILE'>;

/** Warning of the log and the readiness probe if no datasource is configured. */
export const noDatasource =
  'No datasource is configured, so every job is rejected. Set PROMETHEUS_URL, DATASOURCES_FILE or KRUIZE_CONFIG_FILE.';

/** The registered datasources. They are read once at start; the constructor throws if the configuration is invalid. */
export class Datasources {
  private readonly byName: ReadonlyMap<string, Datasource>;

  constructor(settings: Configuration) {
    const { datasources, faults } = inspectConfigured(settings);
    if (faults.length > 0) throw new DatasourceConfigError(faults);
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

/** Reads all configured datasources and lists all errors. An error in one setting does not hide those in another. */
export function inspectConfigured(settings: Configuration): InspectedDatasources {
  const unreadable: string[] = [];
  const fileOf = (name: 'DATASOURCES_FILE' | 'KRUIZE_CONFIG_FILE') => {
    const path = settings[name];
    if (!path) return undefined;
    try {
      return { name, content: readYaml(readFileSync(path, 'utf8')) };
    } catch (error) {
      unreadable.push(`${name}: cannot read ${path}: ${whyUnreadable(error)}`);
      return undefined;
    }
  };
  const configured = { prometheusUrl: settings.PROMETHEUS_URL, file: fileOf('DATASOURCES_FILE'), kruizeFile: fileOf('KRUIZE_CONFIG_FILE') };
  const { faults, ...read } = inspectDatasources(configured);
  return { ...read, faults: [...unreadable, ...faults] };
}

/** Reads YAML or JSON. Throws an Error with the position, but without content, which may contain credentials. */
function readYaml(text: string): unknown {
  const document = parseDocument(text, { merge: true });
  const [problem] = [...document.errors, ...document.warnings];
  const place = problem?.linePos ? ` (line ${problem.linePos[0].line}, column ${problem.linePos[0].col})` : '';
  try {
    if (!problem) return document.toJS();
  } catch {
    // An alias without an anchor. The parser's message would show its name.
  }
  throw new Error(`it is not a valid YAML document${place}. Correct it; values that begin with *, &, ! or | need quotes`);
}
