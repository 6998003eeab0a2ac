import { MetricProfiles } from '../profiles/metric-profile.js';
import { readSettings } from '../settings/read-settings.js';
import type { Settings } from '../settings/settings-schema.js';
import { type ExplainedQuery, explainProfile } from '../usage/explain-profile.js';

/** Options of `rightsizer explain-profile`. */
export interface ExplainOptions {
  /** Default: the setting USAGE_SCOPE. */
  readonly scope?: Settings['USAGE_SCOPE'];
  readonly stepSeconds: number;
  /** One line of JSON instead of a table. */
  readonly json?: boolean;
}

/**
 * Returns text that shows how each query of a metric profile in CONFIG_DIR is run. Throws if the name is unknown (the error lists the known ones) or
 * a profile is invalid. `environment` holds the settings.
 */
export function explainProfileNamed(name: string, { scope, stepSeconds, json }: ExplainOptions, environment: NodeJS.ProcessEnv): string {
  const settings = readSettings(environment);
  const profiles = new MetricProfiles(settings);
  const profile = profiles.find(name);
  if (!profile) throw new Error(`there is no metric profile "${name}"; there are: ${profiles.names().join(', ') || 'none'}`);
  const usageScope = scope ?? settings.USAGE_SCOPE;
  const queries = explainProfile(profile, usageScope, stepSeconds);
  if (json) return `${JSON.stringify({ profile: name, scope: usageScope, stepSeconds, queries })}\n`;
  return `${name}, intervals of ${stepSeconds / 60} min, USAGE_SCOPE ${usageScope}\n\n${writeProfileTable(queries)}`;
}

type Row = readonly string[];

const head: Row = ['ABOUT', 'QUERY', 'WITH REMOTE READ', 'BY PROMQL', 'WHY'];

const readers: Readonly<Record<ExplainedQuery['reader'], string>> = { chunks: 'chunks', promql: 'PromQL', none: '-' };
const ways: Readonly<Record<NonNullable<ExplainedQuery['asked']>, string>> = { batched: 'batched', each: 'per experiment' };

/** Returns a table with one line per query and aligned columns. */
export function writeProfileTable(explained: readonly ExplainedQuery[]): string {
  const rows = [head, ...explained.map(rowOf)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function rowOf({ type, name, reader, asked, isProbed, reason = '' }: ExplainedQuery): Row {
  const way = asked === undefined ? '-' : ways[asked];
  return [type, name, readers[reader], isProbed ? `${way}, if a probe returns data` : way, reason];
}
