import type { Evidence } from './evidence.js';

/** Evidence as a member of a usage file, which `readEvidence` reads back to the same; undefined = there is none. */
export function writeEvidence({ oomKills, hpaResources }: Evidence): object | undefined {
  if (oomKills.length === 0 && hpaResources.length === 0) return undefined;
  const kills = oomKills.map(({ atSeconds, limitBytes }) => ({ at_seconds: atSeconds, limit_bytes: limitBytes }));
  return { ...(kills.length > 0 && { oom_kills: kills }), ...(hpaResources.length > 0 && { hpa_resources: hpaResources }) };
}
