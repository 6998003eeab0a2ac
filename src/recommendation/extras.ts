import { type Fields, fieldsOf, isGiven, type JsonValue, numberOf, objectOf } from './json-value.js';
import { RecommendationInputError } from './recommendation-input-error.js';
import type { Resource, SizedKind } from './settings.js';

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

export const noExtras: Extras = { oom: false, hpa: 'ignore', bounds: {}, confidence: false };

const fields = ['oom', 'hpa', 'bounds', 'change_threshold_percent', 'confidence'];

/**
 * Extras from `recommendation_settings` =
 * `{oom, hpa: "ignore"|"keep"|"withhold", bounds: {cpu: {min, max, step}, memory: {…}}, change_threshold_percent, confidence}`;
 * absent = none. Throws a RecommendationInputError that names the field.
 */
export function readExtras(settings: unknown, field = 'recommendation_settings'): Extras {
  if (settings === undefined || settings === null) return noExtras;
  const of = fieldsOf(objectOf({ field, value: settings }, fields), field);
  const percent = of('change_threshold_percent');
  return {
    oom: flagIn(of('oom')),
    hpa: policyIn(of('hpa')),
    bounds: boundsIn(of('bounds')),
    ...(isGiven(percent) && { changeThresholdPercent: numberOf(percent, 'a percentage from 0 to 1000', (it) => it >= 0 && it <= 1000) }),
    confidence: flagIn(of('confidence')),
  };
}

function flagIn({ field, value }: JsonValue): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw new RecommendationInputError(field, 'expected true or false');
}

function policyIn({ field, value }: JsonValue): HpaPolicy {
  const policy = hpaPolicies.find((known) => known === (value ?? 'ignore'));
  if (policy) return policy;
  throw new RecommendationInputError(field, `expected one of ${hpaPolicies.join(', ')}`);
}

function boundsIn(json: JsonValue): Extras['bounds'] {
  if (!isGiven(json)) return {};
  const of = fieldsOf(objectOf(json, ['cpu', 'memory']), json.field);
  const bounds: Partial<Record<Resource, Bounds>> = {};
  for (const resource of ['cpu', 'memory'] as const) if (isGiven(of(resource))) bounds[resource] = boundsOf(of(resource));
  return bounds;
}

function boundsOf(json: JsonValue): Bounds {
  const of: Fields = fieldsOf(objectOf(json, ['min', 'max', 'step']), json.field);
  const amount = (name: string) =>
    isGiven(of(name)) ? numberOf(of(name), 'an amount above 0: cores or bytes', (it) => it > 0 && it <= 1e18) : undefined;
  const [min, max, step] = [amount('min'), amount('max'), amount('step')];
  if (min !== undefined && max !== undefined && min > max) throw new RecommendationInputError(`${json.field}.min`, 'is above max');
  return { ...(min !== undefined && { min }), ...(max !== undefined && { max }), ...(step !== undefined && { step }) };
}
