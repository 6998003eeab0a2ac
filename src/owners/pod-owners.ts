import { compareTexts } from '../promql/labels.js';
import type { SeriesWindows } from '../remote-read/series-windows.js';

/** Rows from `from` to before `to` in which a pod belonged to one workload. */
export interface OwnedRows {
  readonly owner: string;
  readonly from: number;
  readonly to: number;
}

/** A key for a workload: equal keys mean equal workloads. */
export function ownerKey(workload: string, workloadType: string): string {
  return `${workload}\0${workloadType}`;
}

interface OwnerHistory {
  readonly owner: string;
  readonly firstRow: number;
  /** For each window and row from `firstRow` on: the number of samples with this owner; NaN = none. */
  readonly counts: readonly Float32Array[];
}

const noRows: readonly OwnedRows[] = [];

/**
 * Which workload each pod belonged to, row by row. If a pod had several owners in a window, the one with the most samples wins; on a tie,
 * the first in the order of the response, as in `ownersQuery` with `topk`, or the first by name.
 */
export class PodOwners {
  /** By pod: its owners, and a cache of the owned rows of each window. */
  private readonly pods = new Map<string, { histories: OwnerHistory[]; owned: OwnedRows[][] }>();

  constructor(private readonly ties: 'first' | 'by-name' = 'first') {}

  get isEmpty(): boolean {
    return this.pods.size === 0;
  }

  /** Adds a series: count_over_time of the metric that says the pod belongs to the owner. Copies its values. */
  add(
    namespace: string,
    pod: string,
    owner: string,
    { values, firstRow, endRow }: Pick<SeriesWindows, 'values' | 'firstRow' | 'endRow'>,
  ): void {
    if (firstRow >= endRow) return;
    const counts = values.map((window) => new Float32Array(window.subarray(firstRow, endRow)));
    const key = podKey(namespace, pod);
    const known = this.pods.get(key);
    if (known) known.histories.push({ owner, firstRow, counts });
    else this.pods.set(key, { histories: [{ owner, firstRow, counts }], owned: [] });
  }

  /** The rows in which the pod belonged to each owner, according to the window with index `window`. Call it after all `add` calls. */
  ownersOf(namespace: string, pod: string, window: number): readonly OwnedRows[] {
    const found = this.pods.get(podKey(namespace, pod));
    if (!found) return noRows;
    const { histories, owned } = found;
    owned[window] ??= ownedRows(this.ties === 'first' ? histories : byName(histories), window);
    return owned[window];
  }
}

function byName(histories: readonly OwnerHistory[]): OwnerHistory[] {
  return [...histories].sort((one, other) => compareTexts(one.owner, other.owner));
}

function podKey(namespace: string, pod: string): string {
  return `${namespace}\0${pod}`;
}

function ownedRows(histories: readonly OwnerHistory[], window: number): OwnedRows[] {
  const first = Math.min(...histories.map(({ firstRow }) => firstRow));
  const end = Math.max(...histories.map(({ firstRow, counts }) => firstRow + counts[window]!.length));
  // Almost every pod has one owner for its entire life.
  const [only] = histories.length === 1 ? histories : [];
  const counts = only?.counts[window];
  const ownerAt = counts
    ? (row: number) => (counts[row - first]! > 0 ? only.owner : undefined)
    : (row: number) => ownerWithMostSamples(histories, window, row);
  const runs: OwnedRows[] = [];
  let from = first;
  let owner: string | undefined;
  for (let row = first; row <= end; row++) {
    const next = row < end ? ownerAt(row) : undefined;
    if (next === owner) continue;
    if (owner !== undefined) runs.push({ owner, from, to: row });
    owner = next;
    from = row;
  }
  return runs;
}

function ownerWithMostSamples(histories: readonly OwnerHistory[], window: number, row: number): string | undefined {
  let max = 0;
  let best: string | undefined;
  for (const { owner, firstRow, counts } of histories) {
    const count = counts[window]![row - firstRow] ?? 0;
    if (!(count > max)) continue;
    max = count;
    best = owner;
  }
  return best;
}
