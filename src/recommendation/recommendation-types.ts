import { isGiven, listOf, member, objectOf, textOf } from './json-value.js';
import { RecommendationInputError } from './recommendation-input-error.js';

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
