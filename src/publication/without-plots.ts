import type { ExperimentDocument } from '../experiments/experiment-document.js';
import { RawJson } from '../experiments/raw-json.js';

/** The experiment without the plots of its recommendations; everything else stays. */
export function withoutPlots(experiment: ExperimentDocument): ExperimentDocument {
  const { response } = experiment.apis.recommendations;
  if (!response) return experiment;
  return { ...experiment, apis: { ...experiment.apis, recommendations: { response: new RawJson(dropPlots(response.text)) } } };
}

/** A term that a user named "plots" is no plot: a plot is told by its `plots_data`. */
function dropPlots(json: string): string {
  return JSON.stringify(JSON.parse(json, (key, value) => (key === 'plots' && value?.plots_data !== undefined ? undefined : value)));
}
