/** Kinds of experiment that a bulk job makes. */
export const experimentTypes = ['container', 'namespace'] as const;
export type ExperimentType = (typeof experimentTypes)[number];

interface ExperimentBase {
  /** Unique in a job; made by `experimentNameFormat`. */
  readonly name: string;
  readonly datasource: string;
  readonly clusterName: string;
  readonly namespace: string;
  /** Pod series that discovery counted for it, at least 1: an estimate that sizes shards and queries. */
  readonly pods: number;
}

export interface ContainerExperiment extends ExperimentBase {
  readonly type: 'container';
  readonly workload: string;
  /** `deployment`, `statefulset`, `daemonset`, `job`, … as the datasource has it. */
  readonly workloadType: string;
  readonly container: string;
  readonly image: string;
}

export interface NamespaceExperiment extends ExperimentBase {
  readonly type: 'namespace';
}

/** What is sized: one container of one workload, or one namespace. */
export type Experiment = ContainerExperiment | NamespaceExperiment;
