import type { Place } from './current-config.js';
import type { NotificationCode } from './notifications.js';
import { defaultThreshold } from './recommendation-settings.js';
import type { Resource } from './recommendation-types.js';
import type { Amount, ResourceConfig } from './recommendations.js';

const places = ['requests', 'limits'] as const satisfies readonly Place[];

/** Told where a recommendation is close enough to what is configured, and where its format is unknown. */
const noticesOf = {
  cpu: { requests: 323004, limits: 323005, noFormat: 223003 },
  memory: { requests: 324003, limits: 324004, noFormat: 224003 },
} as const satisfies Record<Resource, Record<Place | 'noFormat', NotificationCode>>;

/** One resource beside what is configured. */
export interface Comparison {
  /** Amount for both request and limit; absent where its format is unknown. */
  readonly config?: Amount;
  readonly variation: Readonly<Record<Place, Amount>>;
  readonly notices: readonly NotificationCode[];
}

/**
 * Recommended minus current, and the threshold step (recommendations.md 6.2-6.4): where the two differ by at most `threshold` percent the
 * current amount is kept. Request and limit are one object in the reference (E7), so the kept amount, the limit's last, stands in both.
 */
export function compareWithCurrent(resource: Resource, recommended: Amount, current: ResourceConfig, threshold: number): Comparison {
  const codes = noticesOf[resource];
  const isKnown = recommended.format !== '';
  const notices: NotificationCode[] = isKnown ? [] : [codes.noFormat];
  let kept = recommended;
  const variationIn = (place: Place): Amount => {
    const before = current[place]?.[resource]?.amount ?? 0;
    const amount = recommended.amount - before;
    if (!isKnown || !isOptimised(recommended.amount, before, threshold)) return { amount, format: recommended.format };
    kept = { amount: before, format: recommended.format };
    notices.push(codes[place]);
    return { amount: 0.0, format: recommended.format };
  };
  const [requests, limits] = places.map(variationIn) as [Amount, Amount];
  return { ...(isKnown ? { config: kept } : {}), variation: { requests, limits }, notices };
}

/** Whether the two differ by at most `threshold` percent; never where nothing is configured. */
export function isOptimised(recommended: number, current: number, threshold: number): boolean {
  return current > 0 && Math.abs(percentAbove(recommended, current)) <= effectiveThreshold(threshold);
}

/** How much more than the current amount is recommended, in percent of the current amount. */
export function percentAbove(recommended: number, current: number): number {
  return ((recommended - current) / current) * 100;
}

/** In percent; one that is not above 0 means the default. */
export function effectiveThreshold(threshold: number): number {
  return threshold > 0 ? threshold : defaultThreshold;
}
