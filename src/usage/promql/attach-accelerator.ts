import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import type { UsageColumn } from '../../recommendation/usage-table.js';
import { rowOf, type TableDraft } from '../table-draft.js';

const supportedModels = ['A100', 'H100', 'H200'];
/** A sample further from every interval is dropped. */
const farthestSeconds = 300;

/**
 * `modelName` of the first series of a supported accelerator (spec: recommendations.md 9.1); undefined = none. A series without the label is passed
 * over, where the reference fails the experiment.
 */
export function detectAccelerator(series: readonly PrometheusSeries[]): string | undefined {
  return series
    .map(({ labels }) => labels.modelName)
    .find((name) => name !== undefined && supportedModels.some((model) => name.toUpperCase().includes(model)));
}

/**
 * Attaches the samples of the draft's accelerator model to the nearest existing interval within 5 minutes, the earlier of two equally near; of
 * several at one interval the last stays (9.2). Call it when all other metrics are read: accelerators make no intervals.
 */
export function attachAccelerator(draft: TableDraft, name: UsageColumn, series: readonly PrometheusSeries[]): void {
  const model = draft.acceleratorModel?.toLowerCase();
  for (const { samples } of series.filter(({ labels }) => labels.modelName?.toLowerCase() === model)) {
    for (const [seconds, text] of samples) {
      const value = Number(text);
      const row = nearestInterval(draft, rowOf(draft.grid, seconds));
      if (Number.isFinite(value) && row >= 0) draft.columnOf(name)[row] = value;
    }
  }
}

function nearestInterval({ grid, present }: TableDraft, row: number): number {
  if (row < 0) return -1;
  for (let distance = 0; distance * grid.stepSeconds <= farthestSeconds; distance++) {
    if (present[row - distance]) return row - distance;
    if (present[row + distance]) return row + distance;
  }
  return -1;
}
