import type { JvmInfo, UsageColumn, UsageTable } from '../../recommendation/usage-table.js';
import type { RowRange } from './row-numbers.js';
import { type Sighting, settleLabel, settleWhole } from './settle-label.js';

/** The labels of an experiment's stored windows. */
export interface WindowLabels {
  /** They hold for the window that begins at this row, and for later ones as long as the rows of their sightings are in them. */
  readonly fromRow: number;
  readonly jvm?: Sighting<JvmInfo>;
  readonly model?: Sighting<string>;
}

/** Columns that belong to the GPU model of the label. */
export const acceleratorColumns: readonly UsageColumn[] = ['acceleratorMemoryUsage.max', 'acceleratorCoreUsage.max'];

/** The labels of a table whose first row has this number. */
export function labelsOf(table: UsageTable, fromRow: number): WindowLabels {
  const { jvm, acceleratorModel } = table;
  const lastInterval = table.present.lastIndexOf(1);
  return {
    fromRow,
    ...(jvm && { jvm: { value: jvm, lastRow: fromRow + (table.jvmLastRow ?? lastInterval) } }),
    ...(acceleratorModel && { model: { value: acceleratorModel, lastRow: fromRow + (lastAccelerated(table) ?? lastInterval) } }),
  };
}

/** The labels of a window; undefined = it must be read whole. What is kept holds for the longer, stored window too. */
export function settleLabels(stored: WindowLabels, newest: WindowLabels, window: RowRange): WindowLabels | undefined {
  if (window.from < stored.fromRow) return undefined;
  const jvm = settleLabel(stored.jvm, newest.jvm, window);
  const model = settleLabel(stored.model, newest.model, window);
  if (jvm === 'unclear' || model === 'unclear') return undefined;
  return { fromRow: stored.fromRow, ...(jvm && { jvm }), ...(model && { model }) };
}

/** The labels of a window that was read whole after its newest rows had been read alone. */
export function settleWholeLabels(whole: WindowLabels, newest: WindowLabels): WindowLabels {
  const jvm = settleWhole(whole.jvm, newest.jvm);
  const model = settleWhole(whole.model, newest.model);
  return { fromRow: whole.fromRow, ...(jvm && { jvm }), ...(model && { model }) };
}

function lastAccelerated({ columns }: UsageTable): number | undefined {
  const last = Math.max(-1, ...acceleratorColumns.map((name) => columns[name]?.findLastIndex((value) => !Number.isNaN(value)) ?? -1));
  return last < 0 ? undefined : last;
}
