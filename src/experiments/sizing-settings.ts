import { z } from 'zod';
import {
  defaultModels,
  defaultTerms,
  type Extras,
  hpaPolicies,
  type Model,
  noExtras,
  type RecommendationTypes,
  recommendationTypes,
  type Term,
  termTable,
} from '../recommendation/settings.js';

/** One fault of a document. `field` is the path of the faulty member, '' for the document itself. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/** The faults that a schema found, one per field. */
export function faultsOf(error: z.ZodError): FieldFault[] {
  return flatIssues(error.issues).map(({ path, message }) => ({ field: path.join('.'), message }));
}

/** Maximum number of faulty members of one list or object that are reported. */
const maxFaults = 19;

/** Reads the members of a list or object one by one. Reports at most `maxFaults` faulty ones: 50,000 faults would block the event loop. */
export function* readMembers<S extends z.ZodType>(
  members: Iterable<readonly [string | number, unknown]>,
  schema: S,
  context: z.RefinementCtx,
): Generator<readonly [string | number, z.output<S>]> {
  let faults = 0;
  for (const [name, member] of members) {
    const read = schema.safeParse(member);
    if (read.success) {
      yield [name, read.data];
      continue;
    }
    report(context, read.error.issues.slice(0, 1), name);
    if (++faults < maxFaults) continue;
    const message = `Only the first ${maxFaults} faulty members are listed. Correct them and send the request again`;
    context.addIssue({ code: 'custom', message });
    return;
  }
}

/** A list whose members fit the schema. */
export function listOf<S extends z.ZodType>(item: S, error?: string) {
  return z
    .array(z.unknown(), error === undefined ? {} : { error })
    .transform((values, context) => [...readMembers(values.entries(), item, context)].map(([, value]) => value));
}

/** A list of the sizing settings, with one error text for other values. */
const list = <S extends z.ZodType>(item: S) => listOf(item, 'expected a list');

/** An object with these members; others are faults. */
export function object<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, { error: ({ code }) => (code === 'invalid_type' ? 'expected an object' : undefined) });
}

/** A number for which `holds` is true; `rule` describes it for the error message. */
export function numberThat(rule: string, holds: (number: number) => boolean) {
  return z.custom<number>((value) => typeof value === 'number' && Number.isFinite(value) && holds(value), { error: `expected ${rule}` });
}

export const text = z.string({ error: 'expected a text that is not empty' }).regex(/\S/, { error: 'expected a text that is not empty' });
/** A name that becomes a key of the response. It begins with a letter or digit, so that it cannot be one of JavaScript's own (`__proto__`). */
const name = text.regex(/^[\p{L}\p{N}][\p{L}\p{N} _.()-]{0,62}$/u, {
  error: 'expected a name of at most 63 letters, digits, spaces and _ . - ( )',
});

/** Minimum observed part of a term that does not define it, as in Kruize's custom terms. */
const defaultObservedPart = 0.7;
/** Limits of a request: the size of each recommendation grows with its terms, their plots and the models of each term. */
const maxTerms = 20;
const maxPlotBins = 2_000;
const maxModels = 20;

/** `{name, duration_in_days, duration_threshold_in_hours, plots_datapoints}`. */
const termDefinition = object({
  name,
  duration_in_days: numberThat('a number of days above 0, at most 365', (days) => days > 0 && days <= 365),
  duration_threshold_in_hours: z.unknown().optional(),
  plots_datapoints: numberThat('a whole number from 0 to 1000', (bins) => Number.isInteger(bins) && bins >= 0 && bins <= 1000).nullish(),
}).transform(({ name, duration_in_days: days, duration_threshold_in_hours: hours, plots_datapoints: bins }, context): Term => {
  const isPossible = (number: number) => number >= 0 && number <= days * 24;
  const minimum = numberThat("a number of hours from 0 to the term's length", isPossible).nullish().safeParse(hours);
  if (!minimum.success) report(context, minimum.error.issues, 'duration_threshold_in_hours');
  const minHours = minimum.data ?? days * 24 * defaultObservedPart;
  return { name, days, minimum: { minutes: minHours * 60 }, plotBins: bins ?? Math.ceil(days) };
});

/** A word (`short`, `short_term`, any case) or a definition. */
const termSchema = z.unknown().transform((value, context): Term => {
  if (typeof value === 'string') {
    const word = value.toLowerCase();
    const known = Object.entries(termTable).find(([short, { name }]) => word === short || word === name);
    if (known) return known[1];
    const words = Object.keys(termTable).join(', ');
    const message = `unknown term "${value}"; expected one of ${words} or a definition with name and duration_in_days`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
  const read = termDefinition.safeParse(value);
  if (read.success) return read.data;
  report(context, read.error.issues);
  return z.NEVER;
});

/** Terms, shortest first; an empty list stands for the default three. */
const terms = z.array(z.unknown(), { error: 'expected a list' }).transform((given, context): readonly Term[] => {
  const byName = new Map<string, Term>();
  for (const [at, term] of readMembers(given.entries(), termSchema, context)) {
    const before = byName.get(term.name);
    if (before && before !== term) {
      context.addIssue({ code: 'custom', path: [at], message: `another term is named "${term.name}" too` });
      return z.NEVER;
    }
    byName.set(term.name, term);
    if (byName.size > maxTerms) {
      context.addIssue({ code: 'custom', message: `expected at most ${maxTerms} terms` });
      return z.NEVER;
    }
  }
  const plotBins = [...byName.values()].reduce((sum, term) => sum + term.plotBins, 0);
  if (plotBins > maxPlotBins) {
    const advice = 'Use fewer; a term without plots_datapoints has one per day';
    const message = `expected at most ${maxPlotBins} plots_datapoints in all terms together, got ${plotBins}. ${advice}`;
    context.addIssue({ code: 'custom', message });
  }
  return byName.size === 0 ? defaultTerms : [...byName.values()].sort((one, other) => one.days - other.days);
});

const customModelNotice = 112103;
const percentile = numberThat('a percentile above 0, at most 100', (number) => number > 0 && number <= 100);
const tunables = object({ cpu_percentile: percentile, memory_percentile: percentile, accelerator_percentile: percentile.nullish() });

/**
 * `{models, model_tunables}`. Names that differ only in case count once. A name that modelTable does not have needs its tunables;
 * `accelerator_percentile` defaults to the CPU percentile. The table's own models keep their percentiles, as in Kruize.
 */
const models = object({ models: list(name).nullish(), model_tunables: z.unknown().optional() }).transform(
  ({ models: names, model_tunables }, context): readonly Model[] => {
    const byName = new Map<string, Model>();
    for (const [at, name] of (names ?? []).entries()) {
      const key = name.toLowerCase();
      if (byName.has(key)) continue;
      if (byName.size === maxModels) {
        context.addIssue({ code: 'custom', path: ['models'], message: `expected at most ${maxModels} models` });
        return z.NEVER;
      }
      const model = defaultModels.find((known) => known.name === key) ?? customModel(name, at, model_tunables, context);
      if (!model) return z.NEVER;
      byName.set(key, model);
    }
    return byName.size === 0 ? defaultModels : [...byName.values()];
  },
);

function customModel(name: string, at: number, modelTunables: unknown, context: z.RefinementCtx): Model | undefined {
  // Not with a schema, which would copy all members for each model.
  if (modelTunables && (typeof modelTunables !== 'object' || Array.isArray(modelTunables))) {
    context.addIssue({ code: 'custom', path: ['model_tunables'], message: 'expected an object' });
    return undefined;
  }
  const own = modelTunables && Object.hasOwn(modelTunables, name) ? (modelTunables as Record<string, unknown>)[name] : undefined;
  if (own === undefined || own === null) {
    const message = `Recommendation Tunables cannot be null: model "${name}" needs model_tunables.${name}`;
    context.addIssue({ code: 'custom', path: ['models', at], message });
    return undefined;
  }
  const read = tunables.safeParse(own);
  if (!read.success) return report(context, read.error.issues, 'model_tunables', name);
  const { cpu_percentile: cpuPercentile, memory_percentile: memoryPercentile, accelerator_percentile } = read.data;
  return {
    name,
    cpuPercentile,
    memoryPercentile,
    acceleratorPercentile: accelerator_percentile ?? cpuPercentile,
    notice: customModelNotice,
  };
}

/** A list of words in any case; all words if it is absent or empty. */
function someOf<Word extends string>(words: readonly Word[]) {
  const word = text.transform((given, context): Word => {
    const known = words.find((each) => each === given.toLowerCase());
    if (known === undefined) context.addIssue({ code: 'custom', message: `unknown type; expected one of ${words.join(', ')}` });
    return known ?? z.NEVER;
  });
  return list(word)
    .nullish()
    .transform((chosen): readonly Word[] => (chosen?.length ? chosen : words));
}

/** `{resources, runtimes, accelerators}`. */
const types = object({
  resources: someOf(recommendationTypes.resources),
  runtimes: someOf(recommendationTypes.runtimes),
  accelerators: someOf(recommendationTypes.accelerators),
});

const flag = z.boolean({ error: 'expected true or false' }).nullish();
const amount = numberThat('an amount above 0: cores or bytes', (it) => it > 0 && it <= 1e18).nullish();
const bounds = object({ min: amount, max: amount, step: amount })
  .refine(({ min, max }) => typeof min !== 'number' || typeof max !== 'number' || min <= max, { path: ['min'], error: 'is above max' })
  .transform((bounds) => given(bounds))
  .nullish();

/** `{oom, hpa: "ignore"|"keep"|"withhold", bounds: {cpu: {min, max, step}, memory: {…}}, change_threshold_percent, confidence}`. */
const extras = object({
  oom: flag,
  hpa: z.enum(hpaPolicies, { error: `expected one of ${hpaPolicies.join(', ')}` }).nullish(),
  bounds: object({ cpu: bounds, memory: bounds }).nullish(),
  change_threshold_percent: numberThat('a percentage from 0 to 1000', (it) => it >= 0 && it <= 1000).nullish(),
  confidence: flag,
}).transform(
  ({ oom, hpa, bounds, change_threshold_percent, confidence }): Extras => ({
    oom: oom ?? false,
    hpa: hpa ?? 'ignore',
    bounds: given(bounds ?? {}),
    ...given({ changeThresholdPercent: change_threshold_percent }),
    confidence: confidence ?? false,
  }),
);

/** The sizing fields of a bulk request and of a usage file, named as in Kruize (recommendation_settings is ours). All have defaults. */
export const sizingSchema = z.object({
  term_settings: object({ terms: terms.nullish() })
    .nullish()
    .transform((settings) => settings?.terms ?? defaultTerms),
  model_settings: models.nullish().transform((chosen) => chosen ?? defaultModels),
  recommendation_types_config: types.nullish().transform((chosen): RecommendationTypes => chosen ?? recommendationTypes),
  recommendation_settings: extras.nullish().transform((chosen) => chosen ?? noExtras),
});

/** Sizing settings with all defaults applied. */
export interface SizingSettings {
  readonly terms: readonly Term[];
  readonly models: readonly Model[];
  readonly types: RecommendationTypes;
  readonly extras: Extras;
}

/** The settings that a valid document holds. */
export function sizingSettingsOf(read: z.output<typeof sizingSchema>): SizingSettings {
  return {
    terms: read.term_settings,
    models: read.model_settings,
    types: read.recommendation_types_config,
    extras: read.recommendation_settings,
  };
}

/** The members that have a value. */
function given<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null)) as ReturnType<
    typeof given<T>
  >;
}

/** Reports the issues of a value that another schema parsed, below `path`. */
function report(context: z.RefinementCtx, issues: readonly z.core.$ZodIssue[], ...path: (string | number)[]): undefined {
  for (const issue of flatIssues(issues)) context.addIssue({ code: 'custom', path: [...path, ...issue.path], message: issue.message });
  return undefined;
}

/** Issues with one field each: every unknown member becomes a separate issue. */
function flatIssues(issues: readonly z.core.$ZodIssue[]): { readonly path: readonly PropertyKey[]; readonly message: string }[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, message: issue.message }];
    return issue.keys.slice(0, maxFaults).map((key) => ({ path: [...issue.path, key], message: `Unrecognized field "${key}"` }));
  });
}
