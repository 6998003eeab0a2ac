import { createHash } from 'node:crypto';
import { identityOf as identityOfDatasource } from '../../datasource/datasource.js';
import type { Experiment } from '../../experiments/experiment.js';
import type { MetricProfile } from '../../profiles/metric-profile.js';
import { usageMetrics } from '../../recommendation/usage-table.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { UsageRequest } from '../usage-reader.js';
import { uuidOf } from './copy-rows.js';

/** Increase this when the content or layout of windows changes. Windows stored before are then no longer found. */
const formatVersion = 2;

/**
 * One UUID per experiment of the request, in their order. It is a hash of everything that the rows depend on, so that windows of another datasource,
 * profile, scope, step or phase are never used.
 */
export function windowKeys(
  request: Pick<UsageRequest, 'datasource' | 'experiments' | 'endSeconds' | 'stepSeconds'>,
  profile: MetricProfile,
  scope: Settings['USAGE_SCOPE'],
): string[] {
  const { datasource, endSeconds, stepSeconds } = request;
  const parts = [
    formatVersion,
    usageMetrics,
    identityOfDatasource(datasource),
    contentOf(profile),
    scope,
    stepSeconds,
    endSeconds % stepSeconds,
  ];
  const common = createHash('sha256').update(JSON.stringify(parts)).digest();
  return request.experiments.map((experiment) =>
    uuidOf(createHash('sha256').update(common).update(identityOf(experiment)).digest('hex').slice(0, 32)),
  );
}

function contentOf({ variables }: MetricProfile): unknown {
  const sorted = [...variables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.map(({ name, kubernetesObject, queries }) => [name, kubernetesObject, Object.entries(queries).sort()]);
}

function identityOf(experiment: Experiment): string {
  const { type, namespace } = experiment;
  if (type === 'namespace') return JSON.stringify([type, namespace]);
  return JSON.stringify([type, namespace, experiment.workloadType, experiment.workload, experiment.container]);
}
