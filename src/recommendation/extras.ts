import { withoutEmpty } from './compare.js';
import { type NotificationCode, notificationsOf } from './notifications.js';
import type { Amount, ModelRecommendation, ResourceConfig } from './recommendations.js';
import { type Evidence, type Extras, type OomKill, type Resource, recommendationTypes } from './settings.js';

/** A mutable copy of a recommendation. */
interface Draft {
  readonly config: Record<'requests' | 'limits', Record<string, Amount>>;
  readonly variation: Record<'requests' | 'limits', Record<string, Amount>>;
}

interface RestraintContext {
  readonly resource: Resource;
  readonly extras: Extras;
  readonly evidence: Evidence;
  readonly current: ResourceConfig;
}

/** Changes one resource of the draft; returns the notification, or undefined if it changed nothing. */
type Restraint = (draft: Draft, context: RestraintContext) => NotificationCode | undefined;

const places = ['requests', 'limits'] as const;

/** Removes the resource from the recommendation: a new request would change when the autoscaler adds pods. */
const withholdForHpa: Restraint = ({ config, variation }, { resource, extras, evidence }) => {
  if (extras.hpa !== 'withhold' || !evidence.hpaResources.includes(resource) || !variation.requests[resource]) return undefined;
  for (const place of places) {
    delete config[place][resource];
    delete variation[place][resource];
  }
  return resource === 'cpu' ? 493001 : 494001;
};

/**
 * Keeps the configured request, and with it the load per pod at which the autoscaler adds pods (target utilisation x request). The limit
 * stays as recommended but never drops below the request.
 */
const keepForHpa: Restraint = ({ config, variation }, { resource, extras, evidence, current }) => {
  const request = current.requests?.[resource]?.amount;
  const recommended = config.requests[resource];
  if (extras.hpa !== 'keep' || !evidence.hpaResources.includes(resource) || request === undefined || !recommended) return undefined;
  const { format } = recommended;
  const limit = Math.max(config.limits[resource]!.amount, request);
  config.requests[resource] = { amount: request, format };
  variation.requests[resource] = { amount: 0, format };
  config.limits[resource] = { amount: limit, format };
  variation.limits[resource] = { amount: limit - (current.limits?.[resource]?.amount ?? 0), format };
  return resource === 'cpu' ? 393004 : 394004;
};

/** Keeps configured amounts that differ from the recommended ones by at most `changeThresholdPercent`. */
const keepSmallChanges: Restraint = ({ config, variation }, { resource, extras, current }) => {
  let kept = false;
  for (const place of places) {
    const before = current[place]?.[resource]?.amount;
    const change = variation[place][resource];
    if (extras.changeThresholdPercent === undefined || before === undefined || !change || !config[place][resource] || change.amount === 0)
      continue;
    if ((Math.abs(change.amount) / before) * 100 > extras.changeThresholdPercent) continue;
    config[place][resource] = { amount: before, format: change.format };
    variation[place][resource] = { amount: 0, format: change.format };
    kept = true;
  }
  if (!kept) return undefined;
  return resource === 'cpu' ? 393005 : 394005;
};

const restraints: readonly Restraint[] = [withholdForHpa, keepForHpa, keepSmallChanges];

/** Undoes the changes that the extras hold back and adds a notification for each. Pure: returns a new recommendation. */
export function restrainChanges(
  recommendation: ModelRecommendation,
  extras: Extras,
  evidence: Evidence,
  current: ResourceConfig,
): ModelRecommendation {
  const draft: Draft = { config: copyOf(recommendation.config), variation: copyOf(recommendation.variation) };
  const codes: NotificationCode[] = [];
  for (const resource of recommendationTypes.resources) {
    for (const restrain of restraints) {
      const code = restrain(draft, { resource, extras, evidence, current });
      if (code) codes.push(code);
    }
  }
  if (codes.length === 0) return recommendation;
  const { env } = recommendation.config;
  return {
    ...recommendation,
    config: { ...withoutEmpty(draft.config), ...(env && { env }) },
    variation: withoutEmpty(draft.variation),
    notifications: { ...recommendation.notifications, ...notificationsOf(codes) },
  };
}

function copyOf({ requests, limits }: ResourceConfig): Record<'requests' | 'limits', Record<string, Amount>> {
  return { requests: { ...requests }, limits: { ...limits } };
}

/** Input of an adjustment besides the amount. */
export interface AdjustmentContext {
  readonly resource: Resource;
  readonly extras: Extras;
  readonly evidence: Evidence;
  /** First and last instant of the term, Unix seconds. */
  readonly term: { readonly startSeconds: number; readonly endSeconds: number };
}

type Adjustment = (
  amount: number,
  context: AdjustmentContext,
) => { readonly amount: number; readonly notice: NotificationCode } | undefined;

/** A killed container gets 1.2 times the limit at which it was killed, as in the Vertical Pod Autoscaler (OOMBumpUpRatio = 1.2). */
const oomFactor = 1.2;
/** Half-life of the raise. Over time the usage itself shows how much memory is needed. */
const oomHalfLifeSeconds = 3 * 86_400;

/**
 * Raises memory towards 1.2 times the limit at the time of a kill; the raise halves every three days. It starts from the limit in force,
 * never from a recommended amount, so that recommendations cannot feed on each other.
 */
const raiseAfterOom: Adjustment = (amount, { resource, extras, evidence, term }) => {
  if (!extras.oom || resource !== 'memory') return undefined;
  const kills = evidence.oomKills.filter(({ atSeconds }) => atSeconds >= term.startSeconds && atSeconds <= term.endSeconds);
  const raised = Math.max(amount, ...kills.map((kill) => amount + shortfall(kill, amount, term.endSeconds)));
  return raised > amount ? { amount: Math.ceil(raised), notice: 594001 } : undefined;
};

function shortfall({ atSeconds, limitBytes }: OomKill, amount: number, endSeconds: number): number {
  const decay = 0.5 ** ((endSeconds - atSeconds) / oomHalfLifeSeconds);
  return Math.max(0, oomFactor * limitBytes - amount) * decay;
}

/** Rounds up to the next step. Tolerates rounding errors: an amount on a step up to its last bits stays there, and 3 x 0.1 is 0.3. */
const roundToStep: Adjustment = (amount, { resource, extras }) => {
  const step = extras.bounds[resource]?.step;
  if (step === undefined) return undefined;
  const steps = (count: number) => Number((count * step).toPrecision(15));
  const nearest = steps(Math.round(amount / step));
  const isThere = Math.abs(nearest - amount) <= amount * 1e-12;
  const rounded = isThere ? Math.max(nearest, amount) : steps(Math.ceil(amount / step));
  return rounded === amount ? undefined : { amount: rounded, notice: resource === 'cpu' ? 393003 : 394003 };
};

const raiseToMinimum: Adjustment = (amount, { resource, extras }) => {
  const min = extras.bounds[resource]?.min ?? 0;
  return amount < min ? { amount: min, notice: resource === 'cpu' ? 393001 : 394001 } : undefined;
};

const lowerToMaximum: Adjustment = (amount, { resource, extras }) => {
  const max = extras.bounds[resource]?.max ?? Infinity;
  return amount > max ? { amount: max, notice: resource === 'cpu' ? 393002 : 394002 } : undefined;
};

/** In this order: the user's bounds come last, so that nothing exceeds them. */
const adjustments: readonly Adjustment[] = [raiseAfterOom, roundToStep, raiseToMinimum, lowerToMaximum];

/** Applies all adjustments to a recommended amount (cores or bytes); returns it with a notification for each that changed it. Pure. */
export function adjustAmount(amount: number, context: AdjustmentContext): { amount: number; notices: readonly NotificationCode[] } {
  const notices: NotificationCode[] = [];
  let adjusted = amount;
  for (const adjust of adjustments) {
    const result = adjust(adjusted, context);
    if (!result) continue;
    adjusted = result.amount;
    notices.push(result.notice);
  }
  return { amount: adjusted, notices };
}
