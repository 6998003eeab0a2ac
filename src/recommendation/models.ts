import { isGiven, type JsonValue, listOf, member, nameOf, numberOf, objectOf } from './json-value.js';
import type { NotificationCode } from './notifications.js';
import { RecommendationInputError } from './recommendation-input-error.js';

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

/** Bound of a request: each term of each experiment's recommendation has a part for each model. */
const maxModels = 20;
const customModelNotice = 112103;
const tunableFields = ['cpu_percentile', 'memory_percentile', 'accelerator_percentile'];

/**
 * Models from `model_settings` = `{models, model_tunables}`; absent or empty `models` = the default two. Names that differ in case only count once.
 * A name other than those of modelTable needs its tunables; `accelerator_percentile` is the CPU percentile where it is missing.
 * The table's own models keep their percentiles, as in the reference. Throws a RecommendationInputError, also for more than 20 models.
 */
export function readModels(modelSettings: unknown, field = 'model_settings'): readonly Model[] {
  if (modelSettings === undefined || modelSettings === null) return defaultModels;
  const settings = objectOf({ field, value: modelSettings }, ['models', 'model_tunables']);
  const names = member(settings, field, 'models');
  if (!isGiven(names)) return defaultModels;
  const read = new Map<string, Model>();
  for (const item of listOf(names)) {
    const key = nameOf(item).toLowerCase();
    if (!read.has(key)) read.set(key, knownModel(key) ?? customModel(item, member(settings, field, 'model_tunables')));
    if (read.size > maxModels) throw new RecommendationInputError(names.field, `expected at most ${maxModels} models`);
  }
  return read.size === 0 ? defaultModels : [...read.values()];
}

function knownModel(key: string): Model | undefined {
  return defaultModels.find(({ name }) => name === key);
}

function customModel(item: JsonValue, tunables: JsonValue): Model {
  const name = nameOf(item);
  const own = isGiven(tunables) ? member(objectOf(tunables), tunables.field, name) : tunables;
  if (!isGiven(own)) {
    throw new RecommendationInputError(item.field, `Recommendation Tunables cannot be null: model "${name}" needs model_tunables.${name}`);
  }
  const of = (tunable: string) => member(objectOf(own, tunableFields), own.field, tunable);
  const percentile = (json: JsonValue) => numberOf(json, 'a percentile above 0, at most 100', (number) => number > 0 && number <= 100);
  const cpuPercentile = percentile(of('cpu_percentile'));
  const accelerator = of('accelerator_percentile');
  return {
    name,
    cpuPercentile,
    memoryPercentile: percentile(of('memory_percentile')),
    acceleratorPercentile: isGiven(accelerator) ? percentile(accelerator) : cpuPercentile,
    notice: customModelNotice,
  };
}
