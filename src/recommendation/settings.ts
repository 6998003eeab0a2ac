import type { Extras } from './extras.js';
import { isGiven, listOf, member, objectOf, textOf } from './json-value.js';
import type { Model } from './models.js';
import { RecommendationInputError } from './recommendation-input-error.js';
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

/** What can be recommended, by the words of `recommendation_types_config`. */
export const recommendationTypes = {
  resources: ['cpu', 'memory'],
  runtimes: ['hotspot', 'semeru', 'quarkus'],
  accelerators: ['gpu'],
} as const;

type Kind = keyof typeof recommendationTypes;
export type Resource = (typeof recommendationTypes)['resources'][number];
export type Runtime = (typeof recommendationTypes)['runtimes'][number];
export type Accelerator = (typeof recommendationTypes)['accelerators'][number];

/** What a recommendation is made for. */
export interface RecommendationTypes {
  readonly resources: readonly Resource[];
  readonly runtimes: readonly Runtime[];
  readonly accelerators: readonly Accelerator[];
}

/** Types from `recommendation_types_config`; an absent or empty list = all of its kind. Throws a RecommendationInputError for an unknown word. */
export function readRecommendationTypes(config: unknown, field = 'recommendation_types_config'): RecommendationTypes {
  if (config === undefined || config === null) return recommendationTypes;
  const object = objectOf({ field, value: config }, Object.keys(recommendationTypes));
  const chosen = <W extends string>(kind: Kind, words: readonly W[]) => chosenOf(member(object, field, kind), words);
  return {
    resources: chosen('resources', recommendationTypes.resources),
    runtimes: chosen('runtimes', recommendationTypes.runtimes),
    accelerators: chosen('accelerators', recommendationTypes.accelerators),
  };
}

function chosenOf<W extends string>(list: ReturnType<typeof member>, words: readonly W[]): readonly W[] {
  if (!isGiven(list)) return words;
  const asked = listOf(list).map((item) => {
    const word = words.find((known) => known === textOf(item).toLowerCase());
    if (!word) throw new RecommendationInputError(item.field, `unknown type; expected one of ${words.join(', ')}`);
    return word;
  });
  return asked.length === 0 ? words : asked;
}

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
