import type { ExperimentType } from '../experiments/experiment.js';
import type { UsageColumn, UsageFunction, UsageMetric } from '../recommendation/usage-table.js';

/** Variables that are asked for their instants (E4), their labels or whether they have any sample. */
export type InstantVariable = 'jvmInfo' | 'jvmInfoTotal' | 'namespaceRunningPods' | 'maxDate';

/** One thing the engine wants to know of every experiment of a type: a variable of the profile and a function. */
export interface UsageQuestion {
  readonly variable: UsageMetric | InstantVariable;
  readonly function: Exclude<UsageFunction, 'count'>;
  /** Where the values go; absent = only the instants (and labels) are read. */
  readonly column?: UsageColumn;
}

/**
 * What the engine reads (spec: recommendations.md 1.7, 8; 14 of the reference's 34 questions are never used, E18). JVM variables and
 * namespaceRunningPods carry no number that is used, but their instants make intervals (E4).
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

/** Every question about an experiment of the type, accelerators apart. */
export const usageQuestions: Readonly<Record<ExperimentType, readonly UsageQuestion[]>> = {
  container: [...questionsOf(readFunctions.container), ...instantQuestions.container],
  namespace: [...questionsOf(readFunctions.namespace), ...instantQuestions.namespace],
};

/** Whether a container was active: its answer has a series (1.3, E1). */
export const activityQuestion = { variable: 'maxDate', function: 'max' } as const satisfies UsageQuestion;

/** Only the maximum of accelerator metrics is read (1.7); memory first, since it shows which experiments have one (9.1). */
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
