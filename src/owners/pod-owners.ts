import type { SeriesWindows } from '../remote-read/series-windows.js';

/** Rows `from` up to, not including, `to` in which a pod belonged to one workload. */
export interface OwnedRows {
  readonly owner: string;
  readonly from: number;
  readonly to: number;
}

/** A workload as one text: equal texts are equal workloads. */
export function ownerKey(workload: string, workloadType: string): string {
  return `${workload}\0${workloadType}`;
}

interface OwnerHistory {
  readonly owner: string;
  readonly firstRow: number;
  /** For each window: samples of the pod's belonging to the owner in the window, from `firstRow` on; NaN = none. */
  readonly counts: readonly Float32Array[];
}

/** One pod: its owners, and of each window that was asked about which rows are whose. */
interface Pod {
  readonly histories: OwnerHistory[];
  readonly owned: (readonly OwnedRows[])[];
}

const nobody: readonly OwnedRows[] = [];

/**
 * Which workload each pod belonged to, row by row. Of several owners in one window the one with most samples is taken; of equal ones
 * the first in the answer's order, as topk of the PromQL twin does (promql/owners-query.ts), or the first by name.
 */
export class PodOwners {
  private readonly pods = new Map<string, Pod>();

  constructor(private readonly ties: 'first' | 'by-name' = 'first') {}

  get isEmpty(): boolean {
    return this.pods.size === 0;
  }

  /** Takes one series of count_over_time over the pod's belonging to the owner. */
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

  /** When the pod belonged to whom, as the owners' window number `window` tells; ask when all owners are added. */
  ownersOf(namespace: string, pod: string, window: number): readonly OwnedRows[] {
    const found = this.pods.get(podKey(namespace, pod));
    if (!found) return nobody;
    const { histories, owned } = found;
    owned[window] ??= ownedRows(this.ties === 'first' ? histories : byName(histories), window);
    return owned[window];
  }
}

function byName(histories: readonly OwnerHistory[]): OwnerHistory[] {
  return [...histories].sort((one, other) => (one.owner < other.owner ? -1 : one.owner > other.owner ? 1 : 0));
}

function podKey(namespace: string, pod: string): string {
  return `${namespace}\0${pod}`;
}

function ownedRows(histories: readonly OwnerHistory[], window: number): OwnedRows[] {
  const first = Math.min(...histories.map(({ firstRow }) => firstRow));
  const end = Math.max(...histories.map(({ firstRow, counts }) => firstRow + counts[window]!.length));
  // Nearly every pod has one owner in all its life.
  const [only] = histories.length === 1 ? histories : [];
  const counts = only?.counts[window];
  const ownerAt = counts
    ? (row: number) => (counts[row - first]! > 0 ? only.owner : undefined)
    : (row: number) => mostSeen(histories, window, row);
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

function mostSeen(histories: readonly OwnerHistory[], window: number, row: number): string | undefined {
  let most = 0;
  let best: string | undefined;
  for (const { owner, firstRow, counts } of histories) {
    const count = counts[window]![row - firstRow] ?? 0;
    if (!(count > most)) continue;
    most = count;
    best = owner;
  }
  return best;
}
