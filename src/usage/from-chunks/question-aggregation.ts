import { anyOwner, type Target, type Targets } from '../../owners/places.js';
import type { OwnedRows, PodOwners } from '../../owners/pod-owners.js';
import { compareLabels, labelPairs } from '../../promql/labels.js';
import type { UsageColumn } from '../../recommendation/usage-table.js';
import type { Grid, SeriesWindows } from '../../remote-read/series-windows.js';
import { type TableDraft, takeColumn } from '../table-draft.js';
import type { UsageQuestion } from '../usage-questions.js';
import type { Subquery } from './chunk-shape.js';
import type { Channel, PlannedQuestion } from './plan-chunk-reads.js';
import { SeriesTotals } from './series-totals.js';
import { SubqueryWindows } from './subquery-windows.js';

/** The column for the number of series of a question. Pods are counted by the series of the average CPU usage. */
export function countedColumn({ column }: UsageQuestion): UsageColumn | undefined {
  return column === 'cpuUsage.avg' ? 'cpuUsage.count' : undefined;
}

/**
 * Writes the values of one question into a table, as `fillUsageTables` does for PromQL: every row with a number is an interval, infinities
 * count as missing, and JVM series give labels but no numbers. Returns the new column, if any. `existing` = a column with the same values,
 * to be shared.
 */
export function fillDraft(
  draft: TableDraft,
  question: UsageQuestion,
  values: Float64Array,
  labels: Readonly<Record<string, string>>,
  existing?: Float64Array,
): Float64Array | undefined {
  const findLastRow = () => values.findLastIndex((value) => !Number.isNaN(value));
  if (question.variable.startsWith('jvm')) draft.setJvm(question.variable, labels, findLastRow);
  if (!existing || question.column === undefined) return fillColumn(draft, question.column, values);
  draft.setColumn(question.column, existing);
  return existing;
}

/**
 * Copies the finite values into a new column of the table and returns it. Marks the rows with values as present. Creates no column without
 * a name or without values.
 */
export function fillColumn(draft: TableDraft, name: UsageColumn | undefined, values: Float64Array): Float64Array | undefined {
  const { present } = draft;
  let found = 0;
  let isInfinite = false;
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (Number.isFinite(value)) {
      present[row] = 1;
      found++;
    } else if (!Number.isNaN(value)) isInfinite = true;
  }
  if (name === undefined || found === 0) return undefined;
  const column = takeColumn(values.length);
  column.set(values);
  if (isInfinite) dropInfinities(column);
  draft.setColumn(name, column);
  return column;
}

function dropInfinities(column: Float64Array): void {
  for (let row = 0; row < column.length; row++) if (!Number.isFinite(column[row])) column[row] = Number.NaN;
}

/** Series of an experiment that the query aggregates to one series. */
interface Group {
  readonly labels: Readonly<Record<string, string>>;
  readonly totals: SeriesTotals;
}

/** Aggregates the series of one question as the profile's queries do, and fills the tables. */
export class QuestionAggregation {
  private readonly channels: readonly { readonly channel: Channel; readonly groups: Map<Target, Map<string, Group>> }[];
  private readonly subqueries = new Map<number, SubqueryWindows>();
  private readonly podLabel: string;

  /**
   * `grids` = the instants of the series and those of the tables; they are equal if no query has a subquery. `owners` = the pods' workloads;
   * absent if series are not joined to workloads.
   */
  constructor(
    private readonly planned: PlannedQuestion,
    private readonly grids: Readonly<Record<'read' | 'intervals', Grid>>,
    private readonly targets: Targets,
    private readonly owners?: PodOwners,
  ) {
    this.channels = planned.channels.map((channel) => ({ channel, groups: new Map() }));
    this.podLabel = `${planned.namespaceLabel.slice(0, -'namespace'.length)}pod`;
  }

  add(series: SeriesWindows): void {
    const { namespaceLabel, containerLabel, excluded } = this.planned;
    if (excluded.some(({ name, value }) => (series.labels[name] ?? '') === value)) return;
    const namespace = series.labels[namespaceLabel] ?? '';
    const targets = this.targets.at(namespace, containerLabel && (series.labels[containerLabel] ?? ''));
    if (!targets || series.firstRow >= series.endRow) return;
    for (const { channel, groups } of this.channels) {
      const read = series.values[channel.window]!;
      const values = channel.perSeries ? this.takeSubquery(channel.perSeries, read) : read;
      const [first, end] = channel.perSeries ? [0, values.length] : [series.firstRow, series.endRow];
      for (const { owner, from, to } of this.ownedRows(namespace, series, channel, end)) {
        const target = targets.get(owner);
        if (target) this.groupOf(groups, target, channel, series).totals.add(values, Math.max(first, from), Math.min(end, to));
      }
    }
  }

  /** Writes the results into the tables, by the experiments' indices in the request, and clears them. */
  fill(drafts: readonly TableDraft[]): void {
    for (const { channel, groups } of this.channels) {
      for (const [target, grouped] of groups) {
        const all = [...grouped.values()];
        const first = this.firstOf(all, channel);
        for (const index of first ? target.indexes : []) this.fillTarget(channel, first!, drafts[index]!);
        for (const { totals } of all) totals.release();
      }
      groups.clear();
    }
  }

  /** Writes the readings of one group. If no row has more than one series, they share a column, which halves the memory of most tables. */
  private fillTarget({ readings }: Channel, { labels, totals }: Group, draft: TableDraft): void {
    const isOne = readings.length > 1 && totals.isOneSeries;
    let shared: Float64Array | undefined;
    for (const { question, operator, afterwards } of readings) {
      const isShared = isOne && !afterwards && operator !== 'count';
      if (shared && isShared) fillDraft(draft, question, shared, labels, shared);
      else
        totals.show(operator, (values) => {
          const column = fillDraft(draft, question, afterwards ? this.takeSubquery(afterwards, values) : values, labels);
          if (isShared) shared = column;
        });
      const count = countedColumn(question);
      if (count) totals.show('count', (values) => fillColumn(draft, count, values));
    }
  }

  private ownedRows(namespace: string, { labels }: SeriesWindows, { reach }: Channel, end: number): readonly OwnedRows[] {
    if (!this.owners) return [{ owner: anyOwner, from: 0, to: end }];
    return this.owners.ownersOf(namespace, labels[this.podLabel] ?? '', reach);
  }

  private takeSubquery({ function: name, rangeMs }: Subquery, values: Float64Array): Float64Array {
    const windows = this.subqueries.get(rangeMs) ?? new SubqueryWindows(this.grids.read, this.grids.intervals, rangeMs);
    this.subqueries.set(rangeMs, windows);
    return windows.take(name, values);
  }

  private groupOf(groups: Map<Target, Map<string, Group>>, target: Target, channel: Channel, { labels }: SeriesWindows): Group {
    const grouped = groups.get(target) ?? new Map<string, Group>();
    groups.set(target, grouped);
    const key = channel.groupLabels.map((label) => labels[label] ?? '').join('\0');
    const known = grouped.get(key);
    if (known) return known;
    const rows = channel.perSeries ? this.grids.intervals.rows : this.grids.read.rows;
    const operators = channel.readings.map(({ operator }) => operator);
    const group = { labels, totals: new SeriesTotals(rows, operators) };
    grouped.set(key, group);
    return group;
  }

  /** The group that is read: the first in the order of Prometheus' response, as in Kruize. */
  private firstOf(groups: readonly Group[], { groupLabels }: Channel): Group | undefined {
    if (groups.length === 1) return groups[0]!.totals.hasValues ? groups[0] : undefined;
    const { namespaceLabel, containerLabel = namespaceLabel } = this.planned;
    // Only the position of these labels in the order matters: all groups of a target have the same workload.
    const joined: Record<string, string> = this.owners ? { workload: 'w', workload_type: 't' } : {};
    const names = [...new Set([namespaceLabel, containerLabel, ...groupLabels, ...Object.keys(joined)])];
    const orderOf = ({ labels }: Group) => labelPairs({ ...labels, ...joined }, names);
    return groups.filter(({ totals }) => totals.hasValues).sort((one, other) => compareLabels(orderOf(one), orderOf(other)))[0];
  }
}
