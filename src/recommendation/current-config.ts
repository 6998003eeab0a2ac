import type { NotificationCode } from './notifications.js';
import type { SizedKind } from './recommendation-settings.js';
import type { Resource } from './recommendation-types.js';
import type { Amount, ResourceConfig } from './recommendations.js';
import { isSample } from './samples.js';
import type { UsageColumn, UsageTable } from './usage-table.js';

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
