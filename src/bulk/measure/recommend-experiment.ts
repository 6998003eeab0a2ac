import type { Experiment } from '../../experiments/experiment.js';
import { packRecommendation } from '../../experiments/outcome-store.js';
import { describeExperiment } from '../../recommendation/describe-experiment.js';
import { recommend } from '../../recommendation/recommend.js';
import type { Layer } from '../../recommendation/recommendation-settings.js';
import type { UsageTable } from '../../recommendation/usage-table.js';
import type { ResolvedRequest } from '../resolve-request.js';

/** The generateRecommendations array of one experiment, rendered once: the bytes that are stored, served and sent. */
export async function recommendExperiment(
  experiment: Experiment,
  usage: UsageTable,
  request: ResolvedRequest,
  layers: readonly Layer[],
): Promise<Buffer> {
  const recommendations = recommend(usage, {
    experimentType: experiment.type,
    measurementDurationMinutes: request.measurementSeconds / 60,
    threshold: request.threshold,
    terms: request.terms,
    models: request.models,
    layers,
    plots: true,
    types: request.types,
  });
  return packRecommendation(JSON.stringify([describeExperiment(experiment, recommendations)]));
}
