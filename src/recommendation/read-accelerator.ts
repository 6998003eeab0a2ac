import { isSupportedAccelerator } from './mig-profiles.js';
import { columnOf, type Series, withinTable } from './read-series.js';
import type { UsageTable } from './usage-table.js';

/** A GPU sample belongs to the nearest interval within this time (recommendations.md 9.2). */
const reachSeconds = 300;

/** Rows of a table; `present` = those that may take GPU samples. */
type Rows = Pick<UsageTable, 'endSeconds' | 'stepSeconds' | 'length' | 'present'>;

/** Unix seconds, both ends included. */
export interface TimeRange {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/**
 * The container's GPU and its samples (recommendations.md 9.1, 9.2): a card that is supported and whose memory has samples in `lookedAt`, which
 * need not be the table's own time. Undefined where there is none.
 */
export function readAccelerator(
  read: (name: string) => Series,
  rows: Rows,
  lookedAt: TimeRange,
): Pick<UsageTable, 'columns' | 'acceleratorModel'> | undefined {
  const { labels, points } = read('acceleratorMemoryUsage.max');
  const { modelName } = labels;
  if (typeof modelName !== 'string' || !isSupportedAccelerator(modelName)) return undefined;
  if (!points.some(({ row }) => isWithin(lookedAt, rows.endSeconds - (rows.length - 1 - row) * rows.stepSeconds))) return undefined;
  const columns: Partial<Record<string, Float64Array>> = {};
  for (const name of ['acceleratorCoreUsage.max', 'acceleratorMemoryUsage.max'] as const) {
    const series = withinTable(read(name), rows.length);
    if (isOfModel(series, modelName)) columns[name] = columnOf(attached(series, rows), rows.length);
  }
  return { columns, acceleratorModel: modelName };
}

function isWithin({ fromSeconds, toSeconds }: TimeRange, seconds: number): boolean {
  return seconds >= fromSeconds && seconds <= toSeconds;
}

function isOfModel({ labels }: Series, modelName: string): boolean {
  return String(labels.modelName ?? '').toLowerCase() === modelName.toLowerCase();
}

/** The series with each sample moved to the interval that takes it, oldest sample first: of several in one interval the last holds. */
function attached({ labels, points }: Series, rows: Rows): Series {
  const moved = points
    .toSorted((one, other) => one.row - other.row)
    .map(({ row, value }) => ({ row: nearestPresent(rows, row), value }))
    .filter(({ row }) => row >= 0);
  return { labels, points: moved };
}

function nearestPresent({ present, stepSeconds }: Rows, row: number): number {
  const reach = Math.floor(reachSeconds / stepSeconds);
  for (let distance = 0; distance <= reach; distance++) {
    if (present[row - distance] === 1) return row - distance;
    if (present[row + distance] === 1) return row + distance;
  }
  return -1;
}
