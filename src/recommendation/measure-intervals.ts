import { containerIntervals } from './container-intervals.js';
import type { Intervals } from './intervals.js';
import { namespaceIntervals } from './namespace-intervals.js';
import type { SizedKind } from './recommendation-settings.js';
import type { UsageTable } from './usage-table.js';

const intervalsOf: Readonly<Record<SizedKind, (usage: UsageTable, rows: Int32Array) => Intervals>> = {
  container: containerIntervals,
  namespace: namespaceIntervals,
};

/** The intervals of an experiment of this kind; `rows` are the table's rows that are present. */
export function measureIntervals(usage: UsageTable, kind: SizedKind, rows: Int32Array): Intervals {
  return intervalsOf[kind](usage, rows);
}
