import type { ExperimentType } from '../experiments/experiment.js';
import type { UsageColumn, UsageFunction, UsageMetric } from '../recommendation/usage-table.js';

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
 * What the engine reads. Kruize sends 34 queries and never uses the results of 14 of them. The values of JVM variables and namespaceRunningPods are not
 * used, but their instants make intervals.
 */
const readFunctions = {
  container: {
    cpuRequest: ['avg'],
    cpuLimit: ['avg'],
    cpuUsage: ['avg', 'min', 'max', 'sum'],
    cpuThrottle: ['avg', 'min', 'max', 'sum'],
    memoryRequest: ['avg'],
    memoryLimit: ['avg'],
    memoryUsage: ['avg', 'min', 'max', 'sum'],
    memoryRSS: ['max', 'min'],
  },
  namespace: {
    namespaceCpuRequest: ['sum'],
    namespaceCpuLimit: ['sum'],
    namespaceMemoryRequest: ['sum'],
    namespaceMemoryLimit: ['sum'],
    namespaceCpuUsage: ['avg', 'max', 'min'],
    namespaceCpuThrottle: ['avg', 'max', 'min'],
    namespaceMemoryUsage: ['max', 'min'],
    namespaceMemoryRSS: ['max', 'min'],
    namespaceTotalPods: ['avg'],
  },
} as const satisfies Record<ExperimentType, Partial<Record<UsageMetric, readonly UsageQuestion['function'][]>>>;

const instantQuestions = {
  container: [
    { variable: 'jvmInfo', function: 'sum' },
    { variable: 'jvmInfoTotal', function: 'sum' },
  ],
  namespace: [{ variable: 'namespaceRunningPods', function: 'avg' }],
} as const satisfies Record<ExperimentType, readonly UsageQuestion[]>;

/** All queries for an experiment of the type, except those for accelerators. */
export const usageQuestions: Readonly<Record<ExperimentType, readonly UsageQuestion[]>> = {
  container: [...questionsOf(readFunctions.container), ...instantQuestions.container],
  namespace: [...questionsOf(readFunctions.namespace), ...instantQuestions.namespace],
};

/** Shows whether a container was active: the result has a series. */
export const activityQuestion = { variable: 'maxDate', function: 'max' } as const satisfies UsageQuestion;

/** Of accelerator metrics only the maximum is read. Memory comes first, because it shows which experiments have an accelerator. */
export const acceleratorQuestions = {
  memory: columnQuestion('acceleratorMemoryUsage', 'max'),
  core: columnQuestion('acceleratorCoreUsage', 'max'),
} as const;

function questionsOf(read: Partial<Record<UsageMetric, readonly UsageQuestion['function'][]>>): UsageQuestion[] {
  return Object.entries(read).flatMap(([variable, functions]) => functions.map((name) => columnQuestion(variable as UsageMetric, name)));
}

function columnQuestion<F extends UsageQuestion['function']>(variable: UsageMetric, name: F) {
  return { variable, function: name, column: `${variable}.${name}` as UsageColumn } as const;
}
