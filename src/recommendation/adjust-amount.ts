import type { Evidence, OomKill } from './evidence.js';
import type { Extras } from './extras.js';
import type { NotificationCode } from './notifications.js';
import type { Resource } from './recommendation-types.js';

/** What an adjustment knows of the amount that it is given. */
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

/** A killed container gets at least a fifth more than the limit that it was killed at, as in the Vertical Pod Autoscaler (OOMBumpUpRatio = 1.2). */
const oomFactor = 1.2;
/** After so long the raise is half of what it was: by then the usage itself shows what is needed. */
const oomHalfLifeSeconds = 3 * 86_400;

/**
 * Raises memory towards 1.2 times the limit at the time of a kill, by half as much every three days. It starts from the limit in force, never from
 * what was recommended, so that a recommendation cannot feed the next one.
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

/** Rounds up to the next step, never down; a step that the amount lies on but for its last bits is not passed, and 3 x 0.1 is 0.3. */
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

/** In this order: the bounds are somebody's word, so nothing goes past them. */
const adjustments: readonly Adjustment[] = [raiseAfterOom, roundToStep, raiseToMinimum, lowerToMaximum];

/** A recommended amount after everything that raises, lowers or rounds it, with a notification for each that did. Pure. */
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
