import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import { type Labels, labelKey } from './label-key.js';

/** One group of `sum by`: a sum for each row, where there is any. A plain list: some thousand small typed arrays would cost more than what is in them. */
export interface Group {
  readonly labels: Labels;
  readonly sums: (number | undefined)[];
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
    const group = { labels: Object.fromEntries(own), sums: new Array<undefined>(this.rows) };
    this.groups.set(key, group);
    return group;
  }

  /** The groups that have a sum at any row; `secondsOf` tells the instant of a row. */
  toSeries(secondsOf: (row: number) => number): PrometheusSeries[] {
    const found: PrometheusSeries[] = [];
    for (const { labels, sums } of this.groups.values()) {
      const samples: [number, string][] = [];
      for (let row = 0; row < sums.length; row++) if (sums[row] !== undefined) samples.push([secondsOf(row), String(sums[row])]);
      if (samples.length > 0) found.push({ labels, samples });
    }
    return found;
  }
}

/** Adds a value to a group's sum at a row. */
export function addTo(group: Group, row: number, value: number): void {
  group.sums[row] = (group.sums[row] ?? 0) + value;
}
