import { readSettings } from '../settings/read-settings.js';
import type { Settings } from '../settings/settings-schema.js';
import { explainProfile } from '../usage/chunks/plan/explain-profile.js';
import { MetricProfiles } from '../usage/metric-profiles.js';
import { writeProfileTable } from './write-profile-table.js';

/** Options of `rightsizer explain-profile`. */
export interface ExplainOptions {
  /** Default: the setting USAGE_SCOPE. */
  readonly scope?: Settings['USAGE_SCOPE'];
  readonly stepSeconds: number;
  /** One line of JSON instead of a table. */
  readonly json?: boolean;
}

/**
 * Text that tells how each query of a metric profile of CONFIG_DIR is answered. Throws for an unknown name, naming those that exist, and for faulty profiles.
 * `environment` holds the settings.
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
