import type { Experiment } from '../experiments/experiment.js';

/** Length of a window in whole minutes, in the text of a profile's query (spec: recommendations.md 1.1). */
export const durationPlaceholder = '$MEASUREMENT_DURATION_IN_MIN$';

/** A query that can be parsed, with the positions of the profile's: a number of the same length stands for the duration. */
export function withDurationAsNumber(query: string): string {
  return query.replaceAll(durationPlaceholder, '1'.padStart(durationPlaceholder.length, '0'));
}

/** Where a query of a metadata profile changes from job to job (Kruize's placeholders). */
export const injectionPoints = {
  duration: /\$MEASUREMENT_DURATION_IN_MIN\$/g,
  /** Takes the labels of the filter. */
  label: /\bADDITIONAL_LABEL\b/g,
  /** Takes the filter of the query's kind; the comma after it goes with it. */
  slot: /%s(?!\w)\s*,?/g,
} as const;

/** A metadata query as PromQL of the same length, so that positions stay: a number for the duration, blanks for the rest. */
export function standIn(query: string): string {
  const blank = (place: string) => ' '.repeat(place.length);
  return withDurationAsNumber(query).replace(injectionPoints.label, blank).replace(injectionPoints.slot, blank);
}

/** Placeholders that stand for something of the experiment. */
export const experimentPlaceholders = {
  $NAMESPACE$: (experiment: Experiment) => experiment.namespace,
  $CONTAINER_NAME$: (experiment: Experiment) => (experiment.type === 'container' ? experiment.container : ''),
  $WORKLOAD$: (experiment: Experiment) => (experiment.type === 'container' ? experiment.workload : ''),
  $WORKLOAD_TYPE$: (experiment: Experiment) => (experiment.type === 'container' ? experiment.workloadType : ''),
} as const;
export type ExperimentPlaceholder = keyof typeof experimentPlaceholders;

const anyExperimentPlaceholder = /\$(NAMESPACE|CONTAINER_NAME|WORKLOAD|WORKLOAD_TYPE)\$/g;

/** Puts the window's length in: minutes, or seconds where it is no whole number of minutes. */
export function replaceDuration(query: string, stepSeconds: number): string {
  const isWholeMinutes = stepSeconds % 60 === 0;
  const asSeconds = isWholeMinutes ? query : query.replaceAll(`${durationPlaceholder}m`, `${stepSeconds}s`);
  return asSeconds.replaceAll(durationPlaceholder, String(Math.floor(stepSeconds / 60)));
}

/** How often the text has a placeholder of any kind, ours or unknown (`$UUID$`). */
export function countPlaceholders(text: string): number {
  return text.match(/\$[A-Z_]+\$/g)?.length ?? 0;
}

/** Puts one experiment's values in; `escaped` makes a value fit the place. */
export function replaceExperiment(text: string, experiment: Experiment, escaped: (value: string) => string): string {
  return text.replace(anyExperimentPlaceholder, (name) => escaped(experimentPlaceholders[name as ExperimentPlaceholder](experiment)));
}
