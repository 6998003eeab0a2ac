import type { Recommendations } from './recommendations.js';

interface SubjectBase {
  /** Name of the experiment. */
  readonly name: string;
  readonly clusterName: string;
  readonly namespace: string;
}

/** What was sized, as the answer names it; every Experiment is one. */
export type Subject =
  | (SubjectBase & {
      readonly type: 'container';
      readonly workload: string;
      /** `deployment`, `statefulset`, … */
      readonly workloadType: string;
      readonly container: string;
      readonly image?: string;
    })
  | (SubjectBase & { readonly type: 'namespace' });

/** One element of the generateRecommendations array (recommendations.md 10.3), keys in the order of its example. */
export interface ExperimentDescription {
  readonly cluster_name: string;
  readonly experiment_type: Subject['type'];
  readonly kubernetes_objects: readonly object[];
  readonly version: 'v2.0';
  readonly experiment_name: string;
}

/** Describes an experiment with its recommendations. */
export function describeExperiment(subject: Subject, recommendations: Recommendations): ExperimentDescription {
  return {
    cluster_name: subject.clusterName,
    experiment_type: subject.type,
    kubernetes_objects: [kubernetesObject(subject, recommendations)],
    version: 'v2.0',
    experiment_name: subject.name,
  };
}

function kubernetesObject(subject: Subject, recommendations: Recommendations): object {
  const { namespace } = subject;
  if (subject.type === 'namespace') return { namespace, containers: [], namespaces: { namespace, recommendations } };
  const image = subject.image === undefined ? {} : { container_image_name: subject.image };
  const container = { ...image, container_name: subject.container, recommendations };
  return { type: subject.workloadType, name: subject.workload, namespace, containers: [container] };
}
