import type { NotificationCode } from './notifications.js';
import type { Amount, ResourceConfig } from './recommendations.js';
import { defaultThreshold, type Resource, type SizedKind } from './settings.js';
import { isSample, type UsageColumn, type UsageTable } from './usage-table.js';

export type Place = 'requests' | 'limits';

export const formats = { cpu: 'cores', memory: 'bytes' } as const satisfies Record<Resource, string>;

/** The four configured amounts: their columns (for a namespace, its quota), and the notification for one that is not set. */
const currentItems = [
  { place: 'requests', resource: 'cpu', container: 'cpuRequest.avg', namespace: 'namespaceCpuRequest.sum', notSet: 523001 },
  { place: 'requests', resource: 'memory', container: 'memoryRequest.avg', namespace: 'namespaceMemoryRequest.sum', notSet: 524001 },
  { place: 'limits', resource: 'cpu', container: 'cpuLimit.avg', namespace: 'namespaceCpuLimit.sum', notSet: 423001 },
  { place: 'limits', resource: 'memory', container: 'memoryLimit.avg', namespace: 'namespaceMemoryLimit.sum', notSet: 524002 },
] as const satisfies readonly ({ place: Place; resource: Resource; notSet: NotificationCode } & Record<SizedKind, UsageColumn>)[];

/** Notifications of a resource (Kruize: design/NotificationCodes.md): `requests` and `limits` = recommended and configured are close enough. */
const noticesOf = {
  cpu: { requests: 323004, limits: 323005, missing: 223001, invalid: 223002, noFormat: 223003 },
  memory: { requests: 324003, limits: 324004, missing: 224001, invalid: 224002, noFormat: 224003 },
} as const satisfies Record<Resource, Record<Place | 'missing' | 'invalid' | 'noFormat', NotificationCode>>;

/** Configured amounts at one instant, each above 0, and notifications for the others. */
export interface CurrentConfig {
  readonly config: ResourceConfig;
  readonly notices: readonly NotificationCode[];
}

/** Reads the configured amounts of one row. A missing amount gives two notifications, as in Kruize. */
export function currentConfigOf(usage: UsageTable, row: number, kind: SizedKind): CurrentConfig {
  const notices: NotificationCode[] = [];
  const found: Record<Place, Record<string, Amount>> = { requests: {}, limits: {} };
  for (const { place, resource, notSet, [kind]: column } of currentItems) {
    const amount = usage.columns[column]?.[row];
    if (!isSample(amount)) notices.push(notSet, noticesOf[resource].missing);
    else if (amount <= 0) notices.push(noticesOf[resource].invalid);
    else found[place][resource] = { amount, format: formats[resource] };
  }
  return { config: withoutEmpty(found), notices };
}

/** Drops an empty `requests` or `limits`. */
export function withoutEmpty({ requests, limits }: Required<ResourceConfig>): ResourceConfig {
  return { ...(isEmpty(requests) ? {} : { requests }), ...(isEmpty(limits) ? {} : { limits }) };
}

function isEmpty(amounts: object): boolean {
  for (const _ in amounts) return false;
  return true;
}

const places = ['requests', 'limits'] as const satisfies readonly Place[];

/** One recommended resource compared with its configured amounts. */
export interface Comparison {
  /** Amount of both request and limit; absent if its format is unknown. */
  readonly config?: Amount;
  readonly variation: Readonly<Record<Place, Amount>>;
  readonly notices: readonly NotificationCode[];
}

/**
 * Computes recommended minus current. Where they differ by at most `threshold` percent, the current amount is kept. Kruize has one object
 * for request and limit, so a kept amount applies to both; if both are kept, the limit's wins.
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

/** Whether the two differ by at most `threshold` percent; false if nothing is configured. */
export function isOptimised(recommended: number, current: number, threshold: number): boolean {
  return current > 0 && Math.abs(percentAbove(recommended, current)) <= effectiveThreshold(threshold);
}

/** Recommended minus current, in percent of the current amount. */
export function percentAbove(recommended: number, current: number): number {
  return ((recommended - current) / current) * 100;
}

/** The threshold in percent; the default replaces one that is not above 0. */
export function effectiveThreshold(threshold: number): number {
  return threshold > 0 ? threshold : defaultThreshold;
}
