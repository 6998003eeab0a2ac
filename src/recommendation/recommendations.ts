import type { RecommendationNotifications } from './notifications.js';

/** An amount in the wire format: CPU in `cores`, memory in `bytes`, GPU partitions as a count with the format `cores`. */
export interface Amount {
  readonly amount: number;
  readonly format: string;
}

/** Amounts by resource (`cpu`, `memory`, `nvidia.com/mig-…`). */
export type Amounts = Readonly<Record<string, Amount>>;

/** Requests and limits; absent if empty. */
export interface ResourceConfig {
  readonly requests?: Amounts;
  readonly limits?: Amounts;
}

export interface EnvEntry {
  readonly name: string;
  readonly value: string;
}

export interface ModelRecommendation {
  readonly pods_count: number;
  readonly confidence_level: number;
  readonly config: ResourceConfig & { readonly env?: readonly EnvEntry[] };
  /** Recommended minus current. */
  readonly variation: ResourceConfig;
  readonly notifications: RecommendationNotifications;
}

export interface PlotSummary {
  readonly min: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly max: number;
  readonly format: string;
}

/** Usage of one bin; empty if it has no interval. */
export type PlotPoint = { readonly cpuUsage: PlotSummary; readonly memoryUsage: PlotSummary } | Readonly<Record<string, never>>;

export interface Plots {
  readonly datapoints: number;
  /** By the end of the bin. */
  readonly plots_data: Readonly<Record<string, PlotPoint>>;
}

/** A term. With too little data it has only its length and notification 120001. */
export interface TermRecommendation {
  readonly duration_in_hours: number;
  readonly notifications: RecommendationNotifications;
  readonly monitoring_start_time?: string;
  readonly recommendation_engines?: Readonly<Record<string, ModelRecommendation>>;
  readonly plots?: Plots;
}

export interface InstantRecommendation {
  readonly notifications: RecommendationNotifications;
  readonly monitoring_end_time: string;
  /** Configured amounts at that time. */
  readonly current: ResourceConfig;
  readonly recommendation_terms: Readonly<Record<string, TermRecommendation>>;
}

/**
 * The recommendations of one container or namespace (Kruize: design/MonitoringModeAPI.md). `data` is keyed by the end of monitoring,
 * ISO-8601; empty with too little data.
 */
export interface Recommendations {
  readonly version: '1.0';
  readonly notifications: RecommendationNotifications;
  readonly data: Readonly<Record<string, InstantRecommendation>>;
}

interface SubjectBase {
  /** Name of the experiment. */
  readonly name: string;
  readonly clusterName: string;
  readonly namespace: string;
}

/** What was sized, as the wire format names it. Every Experiment is a Subject. */
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

/** One element of the array that generateRecommendations returns (Kruize: design/MonitoringModeAPI.md), keys in Kruize's order. */
export interface ExperimentDescription {
  readonly cluster_name: string;
  readonly experiment_type: Subject['type'];
  readonly kubernetes_objects: readonly object[];
  readonly version: 'v2.0';
  readonly experiment_name: string;
}

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
