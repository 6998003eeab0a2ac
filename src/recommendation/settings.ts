import type { NotificationCode } from './notifications.js';

export type SizedKind = 'container' | 'namespace';
/** Layers that can be detected in a container. */
export type Layer = 'container' | Runtime;

/** Input of a recommendation besides the usage. */
export interface RecommendationSettings {
  readonly experimentType: SizedKind;
  /** Length of an interval. */
  readonly measurementDurationMinutes: number;
  /** In percent: a recommendation that differs from the current value by at most this much is "optimised". 0 or less = the default. */
  readonly threshold: number;
  readonly terms: readonly Term[];
  readonly models: readonly Model[];
  /** Layers detected in this container; none = no `env`. */
  readonly layers: readonly Layer[];
  readonly plots: boolean;
  readonly types: RecommendationTypes;
  /** Features that Kruize does not have; absent = none. */
  readonly extras?: Extras;
}

/** In percent, as in Kruize, although its name suggests a fraction. */
export const defaultThreshold = 0.1;
export const defaultMeasurementDurationMinutes = 15;

/** What can be recommended, in the words of `recommendation_types_config`. */
export const recommendationTypes = {
  resources: ['cpu', 'memory'],
  runtimes: ['hotspot', 'semeru', 'quarkus'],
  accelerators: ['gpu'],
} as const;

export type Resource = (typeof recommendationTypes)['resources'][number];
export type Runtime = (typeof recommendationTypes)['runtimes'][number];
export type Accelerator = (typeof recommendationTypes)['accelerators'][number];

/** What to recommend. */
export interface RecommendationTypes {
  readonly resources: readonly Resource[];
  readonly runtimes: readonly Runtime[];
  readonly accelerators: readonly Accelerator[];
}

/** A period that ends at the last interval, with its own recommendations. */
export interface Term {
  /** Key in the response. */
  readonly name: string;
  readonly days: number;
  /** Minimum observed time: a number of intervals, which scales with their length as in Kruize, or minutes. */
  readonly minimum: { readonly intervals: number } | { readonly minutes: number };
  /** Bins of the plots; 0 = no plots. */
  readonly plotBins: number;
  /** Notification at the timestamp level if the term is available. Custom terms have none. */
  readonly notice?: NotificationCode;
}

/** Terms that have a name in `term_settings`. */
export const termTable = {
  short: { name: 'short_term', days: 1, minimum: { intervals: 2 }, plotBins: 4, notice: 111101 },
  medium: { name: 'medium_term', days: 7, minimum: { intervals: 192 }, plotBins: 7, notice: 111102 },
  long: { name: 'long_term', days: 15, minimum: { intervals: 768 }, plotBins: 15, notice: 111103 },
} as const satisfies Record<string, Term>;

export const defaultTerms: readonly Term[] = Object.values(termTable);

/** The percentiles of the observed peaks to recommend, each above 0 and at most 100. */
export interface Model {
  /** Key in the response. */
  readonly name: string;
  readonly cpuPercentile: number;
  readonly memoryPercentile: number;
  readonly acceleratorPercentile: number;
  /** Notification at the term level if the model ran. */
  readonly notice: NotificationCode;
}

/** Kruize's own models, which need no tunables. */
export const modelTable = {
  cost: { name: 'cost', cpuPercentile: 60, memoryPercentile: 100, acceleratorPercentile: 60, notice: 112101 },
  performance: { name: 'performance', cpuPercentile: 98, memoryPercentile: 100, acceleratorPercentile: 98, notice: 112102 },
} as const satisfies Record<string, Model>;

export const defaultModels: readonly Model[] = Object.values(modelTable);

/** Minimum and maximum amount of a resource, and the step to which amounts are rounded up. Cores or bytes. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
}

/** How to treat a resource that a HorizontalPodAutoscaler scales on. */
export const hpaPolicies = ['ignore', 'keep', 'withhold'] as const;
export type HpaPolicy = (typeof hpaPolicies)[number];

/** Features that Kruize does not have. All are off by default; each adds its own notification when it changes a recommendation. */
export interface Extras {
  /** Raise memory if the container was OOM-killed. */
  readonly oom: boolean;
  readonly hpa: HpaPolicy;
  readonly bounds: Readonly<Partial<Record<Resource, Bounds>>>;
  /** Percent. Changes of a configured amount up to this size are not recommended; absent = all changes are. */
  readonly changeThresholdPercent?: number;
  /** Set `confidence_level` to the observed part of the term. */
  readonly confidence: boolean;
}

/** Bounds apply to containers, like those of a LimitRange: a namespace's amounts are sums over its containers. */
export function extrasFor(kind: SizedKind, extras: Extras): Extras {
  return kind === 'namespace' ? { ...extras, bounds: {} } : extras;
}

/** Whether all extras are off. */
export function isOff({ oom, hpa, bounds, changeThresholdPercent, confidence }: Extras): boolean {
  return !oom && hpa === 'ignore' && Object.keys(bounds).length === 0 && changeThresholdPercent === undefined && !confidence;
}

export const noExtras: Extras = { oom: false, hpa: 'ignore', bounds: {}, confidence: false };

/** An OOM kill of a container. */
export interface OomKill {
  /** Unix seconds. */
  readonly atSeconds: number;
  /** Memory limit at the time of the kill, bytes. */
  readonly limitBytes: number;
}

/** Data that the extras need besides usage; read only if they use it. */
export interface Evidence {
  readonly oomKills: readonly OomKill[];
  /** Resources whose utilisation (usage in percent of the request) a HorizontalPodAutoscaler controls. */
  readonly hpaResources: readonly Resource[];
}

export const noEvidence: Evidence = { oomKills: [], hpaResources: [] };
