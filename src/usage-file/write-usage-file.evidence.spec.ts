import { type Evidence, noEvidence } from '../recommendation/settings.js';
import { evidenceSchema } from './read-usage-file.js';
import { writeEvidence } from './write-usage-file.js';

const kill = { atSeconds: 1_718_000_000, limitBytes: 5e8 };

it.each<[string, Evidence]>([
  ['kills', { oomKills: [kill, { ...kill, atSeconds: 1_718_003_600 }], hpaResources: [] }],
  ['autoscalers', { oomKills: [], hpaResources: ['cpu', 'memory'] }],
  ['both', { oomKills: [kill], hpaResources: ['memory'] }],
  ['no evidence', noEvidence],
])('writes %s so that reading gives the same', (_, evidence) => {
  const written: unknown = JSON.parse(JSON.stringify({ evidence: writeEvidence(evidence) }));

  expect(evidenceSchema.parse((written as { evidence?: unknown }).evidence)).toEqual(evidence);
});

it('leaves the member out if there is no evidence', () => {
  expect(writeEvidence(noEvidence)).toBeUndefined();
});
