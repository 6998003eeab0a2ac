import type { NotificationCode } from './notifications.js';

export type SizedKind = 'container' | 'namespace';
/** Layers that a container can be detected to have. */
export type Layer = 'container' | Runtime;

/** How a recommendation is computed, whatever the usage. */
export interface RecommendationSettings {
  readonly experimentType: SizedKind;
  /** Length of an interval. */
  readonly measurementDurationMinutes: number;
  /** In percent: a recommendation that differs by at most this much from the current value is "optimised". Not above 0 = the default. */
  readonly threshold: number;
  readonly terms: readonly Term[];
  readonly models: readonly Model[];
  /** Layers detected in this container; none = no `env`. */
  readonly layers: readonly Layer[];
  readonly plots: boolean;
  readonly types: RecommendationTypes;
  /** What goes beyond the reference; absent = nothing does. */
  readonly extras?: Extras;
}

/** In percent, although its name suggests a fraction (E8). */
export const defaultThreshold = 0.1;
export const defaultMeasurementDurationMinutes = 15;

/** What can be recommended, by the words of `recommendation_types_config`. */
export const recommendationTypes = {
  resources: ['cpu', 'memory'],
  runtimes: ['hotspot', 'semeru', 'quarkus'],
  accelerators: ['gpu'],
} as const;

export type Resource = (typeof recommendationTypes)['resources'][number];
export type Runtime = (typeof recommendationTypes)['runtimes'][number];
export type Accelerator = (typeof recommendationTypes)['accelerators'][number];

/** What a recommendation is made for. */
export interface RecommendationTypes {
  readonly resources: readonly Resource[];
  readonly runtimes: readonly Runtime[];
  readonly accelerators: readonly Accelerator[];
}

/** A stretch of time that ends at the last interval, for which recommendations are made. */
export interface Term {
  /** Key in the answer. */
  readonly name: string;
  readonly days: number;
  /** Least observed time: as a number of intervals (it scales with their length, E32) or in minutes. */
  readonly least: { readonly intervals: number } | { readonly minutes: number };
  /** Bins of the plots; 0 = no plots. */
  readonly plotBins: number;
  /** Told at the timestamp level when the term is available; terms of the caller's own have none. */
  readonly notice?: NotificationCode;
}

/** Terms that a word asks for (recommendations.md 0). */
export const termTable = {
  short: { name: 'short_term', days: 1, least: { intervals: 2 }, plotBins: 4, notice: 111101 },
  medium: { name: 'medium_term', days: 7, least: { intervals: 192 }, plotBins: 7, notice: 111102 },
  long: { name: 'long_term', days: 15, least: { intervals: 768 }, plotBins: 15, notice: 111103 },
} as const satisfies Record<string, Term>;

export const defaultTerms: readonly Term[] = Object.values(termTable);

/** Which percentile of the observed peaks is recommended, each from above 0 to 100. */
export interface Model {
  /** Key in the answer. */
  readonly name: string;
  readonly cpuPercentile: number;
  readonly memoryPercentile: number;
  readonly acceleratorPercentile: number;
  /** Told at the term level when the model ran. */
  readonly notice: NotificationCode;
}

/** Models that need no tunables (recommendations.md 0). */
export const modelTable = {
  cost: { name: 'cost', cpuPercentile: 60, memoryPercentile: 100, acceleratorPercentile: 60, notice: 112101 },
  performance: { name: 'performance', cpuPercentile: 98, memoryPercentile: 100, acceleratorPercentile: 98, notice: 112102 },
} as const satisfies Record<string, Model>;

export const defaultModels: readonly Model[] = Object.values(modelTable);

/** Least and largest amount of a resource, and the step that amounts are rounded up to. Cores or bytes. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
}

/** What is done with a resource that a HorizontalPodAutoscaler scales on. */
export const hpaPolicies = ['ignore', 'keep', 'withhold'] as const;
export type HpaPolicy = (typeof hpaPolicies)[number];

/** What goes beyond the reference. Everything is off unless it is asked for, and then says so in a notification of its own. */
export interface Extras {
  /** Memory is raised where the container was killed for lack of it. */
  readonly oom: boolean;
  readonly hpa: HpaPolicy;
  readonly bounds: Readonly<Partial<Record<Resource, Bounds>>>;
  /** Percent; smaller changes of a configured amount are not recommended. Absent = every change is. */
  readonly changeThresholdPercent?: number;
  /** `confidence_level` is the observed part of the term. */
  readonly confidence: boolean;
}

/** Bounds are those of a container, like a LimitRange's; a namespace's amounts are sums over all its containers. */
export function extrasFor(kind: SizedKind, extras: Extras): Extras {
  return kind === 'namespace' ? { ...extras, bounds: {} } : extras;
}

/** Whether the extras change nothing. */
export function isOff({ oom, hpa, bounds, changeThresholdPercent, confidence }: Extras): boolean {
  return !oom && hpa === 'ignore' && Object.keys(bounds).length === 0 && changeThresholdPercent === undefined && !confidence;
}

export const noExtras: Extras = { oom: false, hpa: 'ignore', bounds: {}, confidence: false };

/** A container was killed for lack of memory. */
export interface OomKill {
  /** Unix seconds. */
  readonly atSeconds: number;
  /** The limit that was in force when it happened, bytes. */
  readonly limitBytes: number;
}

/** What the extras look at beside usage; it is read only where they ask for it. */
export interface Evidence {
  readonly oomKills: readonly OomKill[];
  /** Resources whose utilisation (use in percent of the request) a HorizontalPodAutoscaler keeps. */
  readonly hpaResources: readonly Resource[];
}

export const noEvidence: Evidence = { oomKills: [], hpaResources: [] };
