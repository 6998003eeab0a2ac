import type { MetricProfile } from '../../profiles/metric-profile.js';
import { replaceDuration } from '../../profiles/placeholders.js';
import { readQueryShape } from '../promql/read-query-shape.js';
import { usageQuestions } from '../usage-questions.js';

/** Variables whose several series of one experiment are told apart by their labels, which the store keeps. */
const labelled = /^jvm/;

/** Aggregations whose answers keep the labels of the series that they take. */
const takesSeries = /\b(topk|bottomk|limitk|limit_ratio|count_values)\b/i;

/**
 * Whether every number that the profile gives of an experiment comes from one series. Where there are more the first of the window is read, and the first of
 * a part of it may be another: then windows that were read at different times do not belong together.
 */
export function hasOneSeries({ variables }: MetricProfile, stepSeconds: number): boolean {
  return (['container', 'namespace'] as const).every((type) =>
    usageQuestions[type].every(({ variable, function: name }) => {
      const query = variables.get(variable)?.queries[name];
      if (query === undefined || labelled.test(variable)) return true;
      const shape = readQueryShape(replaceDuration(query, stepSeconds), type);
      if (!shape || takesSeries.test(query)) return false;
      const ownLabels = [shape.namespaceLabel, shape.containerLabel];
      return shape.groupings.at(-1)?.labels.every((label) => ownLabels.includes(label)) ?? false;
    }),
  );
}
