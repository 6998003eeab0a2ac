import type { Extras } from './extras.js';
import type { Model } from './models.js';
import type { RecommendationTypes, Runtime } from './recommendation-types.js';
import type { Term } from './terms.js';

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
