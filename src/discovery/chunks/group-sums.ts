import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import { type Labels, labelKey } from './label-key.js';

/** One group of `sum by`: a sum for each row, where there is any. */
export interface Group {
  readonly labels: Labels;
  readonly sums: Float64Array;
  readonly isPresent: Uint8Array;
}

/** `sum by (names)` over rows. */
export class GroupSums {
  private readonly groups = new Map<string, Group>();

  constructor(
    private readonly names: readonly string[],
    private readonly rows: number,
  ) {}

  /** The group that these labels fall into. */
  groupOf(labels: Labels): Group {
    const key = labelKey(labels, this.names);
    const found = this.groups.get(key);
    if (found) return found;
    const own = this.names.flatMap((name) => (labels[name] ? [[name, labels[name]] as const] : []));
    const group = { labels: Object.fromEntries(own), sums: new Float64Array(this.rows), isPresent: new Uint8Array(this.rows) };
    this.groups.set(key, group);
    return group;
  }

  /** The groups that have a sum at any row; `secondsOf` tells the instant of a row. */
  toSeries(secondsOf: (row: number) => number): PrometheusSeries[] {
    return [...this.groups.values()].flatMap(({ labels, sums, isPresent }) => {
      const samples = [...sums].flatMap((sum, row) => (isPresent[row] ? [[secondsOf(row), String(sum)] as const] : []));
      return samples.length > 0 ? [{ labels, samples }] : [];
    });
  }
}

/** Adds a value to a group's sum at a row. */
export function addTo(group: Group, row: number, value: number): void {
  group.sums[row]! += value;
  group.isPresent[row] = 1;
}
