import type { Experiment } from '../../experiments/experiment.js';
import { packRecommendation } from '../../experiments/experiment-rows.js';
import { recommend } from '../../recommendation/recommend.js';
import { describeExperiment } from '../../recommendation/recommendations.js';
import type { Evidence, Layer } from '../../recommendation/settings.js';
import type { UsageTable } from '../../recommendation/usage-table.js';
import type { ResolvedRequest } from '../resolve-request.js';

/** What the datasource showed of an experiment. */
export interface SeenExperiment {
  readonly usage: UsageTable;
  readonly layers: readonly Layer[];
  readonly evidence: Evidence;
}

/** The generateRecommendations array of one experiment, rendered once: the bytes that are stored, served and sent. */
export function recommendExperiment(experiment: Experiment, seen: SeenExperiment, request: ResolvedRequest): Buffer {
  const settings = {
    experimentType: experiment.type,
    measurementDurationMinutes: request.measurementSeconds / 60,
    threshold: request.threshold,
    terms: request.terms,
    models: request.models,
    layers: seen.layers,
    plots: true,
    types: request.types,
    extras: request.extras,
  };
  const recommendations = recommend(seen.usage, settings, seen.evidence);
  return packRecommendation(JSON.stringify([describeExperiment(experiment, recommendations)]));
}
