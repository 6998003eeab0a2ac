import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import type { Experiment } from '../../experiments/experiment.js';
import type { KeyLabel } from './batch-query.js';
import type { PlannedQuery } from './plan-usage-queries.js';

/** The series of an answer that belong to each experiment (by its place in the request), in the answer's order; experiments without are absent. */
export function groupSeries(planned: PlannedQuery, answer: readonly PrometheusSeries[]): Map<number, PrometheusSeries[]> {
  const indexesByKey = indexesByKeyOf(planned);
  const grouped = new Map<number, PrometheusSeries[]>();
  for (const series of answer) {
    for (const index of indexesByKey.get(keyOfSeries(series, planned.keyLabels)) ?? []) append(grouped, index, series);
  }
  return grouped;
}

function indexesByKeyOf({ experiments, keyLabels }: PlannedQuery): Map<string, number[]> {
  const indexes = new Map<string, number[]>();
  for (const { experiment, index } of experiments) append(indexes, keyOfExperiment(experiment, keyLabels), index);
  return indexes;
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function keyOfExperiment(experiment: Experiment, keyLabels: readonly KeyLabel[]): string {
  const members: Partial<Record<KeyLabel['member'], string>> =
    experiment.type === 'container' ? experiment : { namespace: experiment.namespace };
  return JSON.stringify(keyLabels.map(({ member }) => members[member] ?? ''));
}

function keyOfSeries({ labels }: PrometheusSeries, keyLabels: readonly KeyLabel[]): string {
  return JSON.stringify(keyLabels.map(({ label }) => labels[label] ?? ''));
}
