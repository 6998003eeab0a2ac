import type { ExperimentType } from '../experiments/experiment.js';
import { columnsRead, type UsageColumn, type UsageFunction, type UsageMetric } from '../recommendation/usage-table.js';

/** Variables that are queried for their instants, their labels, or whether they have any sample. */
export type InstantVariable = 'jvmInfo' | 'jvmInfoTotal' | 'namespaceRunningPods' | 'maxDate';

/** A query of the engine for all experiments of a type: a variable of the profile and a function. */
export interface UsageQuestion {
  readonly variable: UsageMetric | InstantVariable;
  readonly function: Exclude<UsageFunction, 'count'>;
  /** The column for the values; absent = only instants and labels are read. */
  readonly column?: UsageColumn;
}

/**
 * All queries for an experiment of the type, except those for accelerators. Of the 37 queries that Kruize sends per container, 34 are of this kind, and
 * it never uses the results of 14 of them. The values of JVM variables and namespaceRunningPods are not used, but their instants make intervals.
 */
export const usageQuestions: Readonly<Record<ExperimentType, readonly UsageQuestion[]>> = {
  container: [...questionsOf('container'), { variable: 'jvmInfo', function: 'sum' }, { variable: 'jvmInfoTotal', function: 'sum' }],
  namespace: [...questionsOf('namespace'), { variable: 'namespaceRunningPods', function: 'avg' }],
};

/** Shows whether a container was active: the result has a series. */
export const activityQuestion = { variable: 'maxDate', function: 'max' } as const satisfies UsageQuestion;

/** Of accelerator metrics only the maximum is read. Memory comes first, because it shows which experiments have an accelerator. */
export const acceleratorQuestions = {
  memory: questionOf('acceleratorMemoryUsage.max'),
  core: questionOf('acceleratorCoreUsage.max'),
} as const;

function questionsOf(type: ExperimentType): UsageQuestion[] {
  return columnsRead[type].filter((column) => !column.startsWith('accelerator')).map(questionOf);
}

function questionOf(column: UsageColumn) {
  const [variable, name] = column.split('.') as [UsageMetric, UsageQuestion['function']];
  return { variable, function: name, column } satisfies UsageQuestion;
}
