import type { Experiment } from '../experiments/experiment.js';

/** Placeholder for the length of a window in whole minutes, in a profile's query. */
export const durationPlaceholder = '$MEASUREMENT_DURATION_IN_MIN$';

/** Makes a query parsable without changing positions: replaces the duration with a number of the same length. */
export function withDurationAsNumber(query: string): string {
  return query.replaceAll(durationPlaceholder, '1'.padStart(durationPlaceholder.length, '0'));
}

/** Kruize's placeholders in the queries of a metadata profile, replaced for each job. */
export const injectionPoints = {
  duration: /\$MEASUREMENT_DURATION_IN_MIN\$/g,
  /** Replaced by the filter's labels. */
  label: /\bADDITIONAL_LABEL\b/g,
  /** Replaced, with the comma after it, by the filter of the query's kind. */
  slot: /%s(?!\w)\s*,?/g,
} as const;

/** Makes a metadata query parsable without changing positions: a number replaces the duration, spaces the other placeholders. */
export function withoutPlaceholders(query: string): string {
  const blank = (place: string) => ' '.repeat(place.length);
  return withDurationAsNumber(query).replace(injectionPoints.label, blank).replace(injectionPoints.slot, blank);
}

/** Placeholders for values of the experiment. */
export const experimentPlaceholders = {
  $NAMESPACE$: (experiment: Experiment) => experiment.namespace,
  $CONTAINER_NAME$: (experiment: Experiment) => (experiment.type === 'container' ? experiment.container : ''),
  $WORKLOAD$: (experiment: Experiment) => (experiment.type === 'container' ? experiment.workload : ''),
  $WORKLOAD_TYPE$: (experiment: Experiment) => (experiment.type === 'container' ? experiment.workloadType : ''),
} as const;

/** Inserts the length of the window: minutes, or seconds if it is not a whole number of minutes. */
export function replaceDuration(query: string, stepSeconds: number): string {
  const isWholeMinutes = stepSeconds % 60 === 0;
  const asSeconds = isWholeMinutes ? query : query.replaceAll(`${durationPlaceholder}m`, `${stepSeconds}s`);
  return asSeconds.replaceAll(durationPlaceholder, String(Math.floor(stepSeconds / 60)));
}

/** Number of placeholders in the text, known or unknown (`$UUID$`). */
export function countPlaceholders(text: string): number {
  return text.match(/\$[A-Z_]+\$/g)?.length ?? 0;
}

/** Inserts an experiment's values, each escaped by `escaped`. */
export function replaceExperiment(text: string, experiment: Experiment, escaped: (value: string) => string): string {
  return text.replace(/\$(NAMESPACE|CONTAINER_NAME|WORKLOAD|WORKLOAD_TYPE)\$/g, (name) =>
    escaped(experimentPlaceholders[name as keyof typeof experimentPlaceholders](experiment)),
  );
}
