import type { TableDraft } from '../../table-draft.js';
import type { AggregateOperator, Subquery } from '../plan/chunk-shape.js';
import type { Channel, PlannedQuestion, Reading } from '../plan/plan-chunk-reads.js';
import type { Grid, SeriesWindows } from '../series-windows.js';
import { compareLabels, type LabelPairs, labelPairs } from './compare-labels.js';
import { fillDraft } from './fill-draft.js';
import type { OwnedRows, PodOwners } from './pod-owners.js';
import { SeriesTotals } from './series-totals.js';
import { SubqueryWindows } from './subquery-windows.js';
import { anyOwner, type Target, type Targets } from './targets.js';

/** The instants of the series that come, and those of the tables; the same where no query has a subquery. */
export interface AggregationGrids {
  readonly read: Grid;
  readonly intervals: Grid;
}

/** Series of an experiment that are one series of the query's answer. */
interface Group {
  readonly labels: Readonly<Record<string, string>>;
  readonly order: LabelPairs;
  readonly totals: SeriesTotals;
}

/** Gathers the series of one question and fills the tables with what the profile's queries make of them. */
export class QuestionAggregation {
  private readonly channels: readonly { readonly channel: Channel; readonly groups: Map<Target, Map<string, Group>> }[];
  private readonly subqueries = new Map<number, SubqueryWindows>();

  /** `owners` = whom pods belong to; absent where series are not joined to workloads. */
  constructor(
    private readonly planned: PlannedQuestion,
    private readonly grids: AggregationGrids,
    private readonly targets: Targets,
    private readonly owners?: PodOwners,
  ) {
    this.channels = planned.channels.map((channel) => ({ channel, groups: new Map() }));
  }

  add(series: SeriesWindows): void {
    const { namespaceLabel, containerLabel } = this.planned;
    const namespace = series.labels[namespaceLabel] ?? '';
    const targets = this.targets.at(namespace, containerLabel && (series.labels[containerLabel] ?? ''));
    if (!targets || series.firstRow >= series.endRow) return;
    for (const { channel, groups } of this.channels) {
      const values = this.valuesOf(channel, series);
      const [first, end] = channel.perSeries ? [0, values.length] : [series.firstRow, series.endRow];
      for (const { owner, from, to } of this.ownedRows(namespace, series, channel, end)) {
        const target = targets.get(owner);
        if (target) this.groupOf(groups, target, channel, series).totals.add(values, Math.max(first, from), Math.min(end, to));
      }
    }
  }

  /** Writes what was gathered into the tables, by the experiments' places in the request. */
  fill(drafts: readonly TableDraft[]): void {
    for (const { channel, groups } of this.channels) {
      for (const [target, grouped] of groups) {
        const first = firstOf([...grouped.values()]);
        for (const reading of first ? channel.readings : []) {
          const values = this.answerOf(reading, first!.totals);
          for (const index of target.indexes) fillDraft(drafts[index]!, reading.question, values, first!);
        }
        groups.delete(target);
      }
    }
  }

  private ownedRows(namespace: string, { labels }: SeriesWindows, { reach }: Channel, end: number): readonly OwnedRows[] {
    if (!this.owners) return [{ owner: anyOwner, from: 0, to: end }];
    const podLabel = `${this.planned.namespaceLabel.slice(0, -'namespace'.length)}pod`;
    return this.owners.ownersOf(namespace, labels[podLabel] ?? '', reach);
  }

  private valuesOf({ window, perSeries }: Channel, { values }: SeriesWindows): Float64Array {
    return perSeries ? this.takeSubquery(perSeries, values[window]!) : values[window]!;
  }

  private answerOf({ operator, afterwards }: Reading, totals: SeriesTotals) {
    const take = (name: AggregateOperator) => (afterwards ? this.takeSubquery(afterwards, totals.valuesOf(name)) : totals.valuesOf(name));
    return { values: take(operator), countOfSeries: () => take('count') };
  }

  private takeSubquery({ function: name, rangeMs }: Subquery, values: Float64Array): Float64Array {
    const windows = this.subqueries.get(rangeMs) ?? new SubqueryWindows(this.grids.read, this.grids.intervals, rangeMs);
    this.subqueries.set(rangeMs, windows);
    return windows.take(name, values);
  }

  private groupOf(groups: Map<Target, Map<string, Group>>, target: Target, channel: Channel, { labels }: SeriesWindows): Group {
    const grouped = groups.get(target) ?? new Map<string, Group>();
    groups.set(target, grouped);
    const key = JSON.stringify(channel.groupLabels.map((label) => labels[label] ?? ''));
    const known = grouped.get(key);
    if (known) return known;
    const { namespaceLabel, containerLabel = namespaceLabel } = this.planned;
    // Only their places in the order matter: all groups of a target have one workload.
    const joined: Record<string, string> = this.owners ? { workload: 'w', workload_type: 't' } : {};
    const names = new Set([namespaceLabel, containerLabel, ...channel.groupLabels, ...Object.keys(joined)]);
    const rows = channel.perSeries ? this.grids.intervals.rows : this.grids.read.rows;
    const totals = new SeriesTotals(rows, new Set(channel.readings.map(({ operator }) => operator)));
    const group = { labels, order: labelPairs({ ...labels, ...joined }, [...names]), totals };
    grouped.set(key, group);
    return group;
  }
}

/** Of several series of one experiment the first of the answer is read (spec: recommendations.md 2.5). */
function firstOf(groups: readonly Group[]): Group | undefined {
  return groups.filter(({ totals }) => totals.hasValues).sort((one, other) => compareLabels(one.order, other.order))[0];
}
