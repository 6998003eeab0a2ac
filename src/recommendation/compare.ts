import type { NotificationCode } from './notifications.js';
import type { Amount, ResourceConfig } from './recommendations.js';
import { defaultThreshold, type Resource, type SizedKind } from './settings.js';
import { isSample, type UsageColumn, type UsageTable } from './usage-table.js';

export type Place = 'requests' | 'limits';

export const formats = { cpu: 'cores', memory: 'bytes' } as const satisfies Record<Resource, string>;

interface CurrentItem {
  readonly place: Place;
  readonly resource: Resource;
  /** Column of the configured amount; for a namespace, its quota. */
  readonly columns: Readonly<Record<SizedKind, UsageColumn>>;
  readonly notSet: NotificationCode;
  readonly missing: NotificationCode;
  readonly invalid: NotificationCode;
}

/** The four configured amounts and the notifications for one that is not set or invalid. Kruize: design/NotificationCodes.md. */
const currentItems: readonly CurrentItem[] = [
  {
    place: 'requests',
    resource: 'cpu',
    columns: { container: 'cpuRequest.avg', namespace: 'namespaceCpuRequest.sum' },
    notSet: 523001,
    missing: 223001,
    invalid: 223002,
  },
  {
    place: 'requests',
    resource: 'memory',
    columns: { container: 'memoryRequest.avg', namespace: 'namespaceMemoryRequest.sum' },
    notSet: 524001,
    missing: 224001,
    invalid: 224002,
  },
  {
    place: 'limits',
    resource: 'cpu',
    columns: { container: 'cpuLimit.avg', namespace: 'namespaceCpuLimit.sum' },
    notSet: 423001,
    missing: 223001,
    invalid: 223002,
  },
  {
    place: 'limits',
    resource: 'memory',
    columns: { container: 'memoryLimit.avg', namespace: 'namespaceMemoryLimit.sum' },
    notSet: 524002,
    missing: 224001,
    invalid: 224002,
  },
];

/** Configured amounts at one instant, each above 0, and notifications for the others. */
export interface CurrentConfig {
  readonly config: ResourceConfig;
  readonly notices: readonly NotificationCode[];
}

/** Reads the configured amounts of one row. A missing amount gives two notifications, as in Kruize. */
export function currentConfigOf(usage: UsageTable, row: number, kind: SizedKind): CurrentConfig {
  const notices: NotificationCode[] = [];
  const found: Record<Place, Record<string, Amount>> = { requests: {}, limits: {} };
  for (const { place, resource, columns, notSet, missing, invalid } of currentItems) {
    const amount = usage.columns[columns[kind]]?.[row];
    if (!isSample(amount)) notices.push(notSet, missing);
    else if (amount <= 0) notices.push(invalid);
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

/** Notifications: recommended and configured amounts are close enough, or the format is unknown. */
const noticesOf = {
  cpu: { requests: 323004, limits: 323005, noFormat: 223003 },
  memory: { requests: 324003, limits: 324004, noFormat: 224003 },
} as const satisfies Record<Resource, Record<Place | 'noFormat', NotificationCode>>;

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
