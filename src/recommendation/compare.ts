import type { NotificationCode } from './notifications.js';
import type { Amount, ResourceConfig } from './recommendations.js';
import { defaultThreshold, type Resource, type SizedKind } from './settings.js';
import { isSample, type UsageColumn, type UsageTable } from './usage-table.js';

export type Place = 'requests' | 'limits';

export const formats = { cpu: 'cores', memory: 'bytes' } as const satisfies Record<Resource, string>;

interface CurrentItem {
  readonly place: Place;
  readonly resource: Resource;
  /** Where the configured amount stands; a namespace's is its quota. */
  readonly columns: Readonly<Record<SizedKind, UsageColumn>>;
  readonly notSet: NotificationCode;
  readonly missing: NotificationCode;
  readonly invalid: NotificationCode;
}

/** The four configured amounts and what is told of each that is not there (recommendations.md 6.1). */
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

/** Configured amounts at one instant, each above 0. */
export interface CurrentConfig {
  readonly config: ResourceConfig;
  readonly notices: readonly NotificationCode[];
}

/** Reads what is configured at a row of the table: a missing amount gives two notifications (E13). */
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

/** The config without a part that holds nothing. */
export function withoutEmpty({ requests, limits }: Required<ResourceConfig>): ResourceConfig {
  return { ...(isEmpty(requests) ? {} : { requests }), ...(isEmpty(limits) ? {} : { limits }) };
}

function isEmpty(amounts: object): boolean {
  for (const _ in amounts) return false;
  return true;
}

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
