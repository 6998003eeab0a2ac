import { anyOwner, type Target, type Targets } from '../../owners/places.js';
import type { OwnedRows, PodOwners } from '../../owners/pod-owners.js';
import { compareLabels, labelPairs } from '../../promql/labels.js';
import type { UsageColumn } from '../../recommendation/usage-table.js';
import type { Grid, SeriesWindows } from '../../remote-read/series-windows.js';
import { takeColumn } from '../columns.js';
import type { TableDraft } from '../table-draft.js';
import type { UsageQuestion } from '../usage-questions.js';
import type { Subquery } from './chunk-shape.js';
import type { Channel, PlannedQuestion } from './plan-chunk-reads.js';
import { SeriesTotals } from './series-totals.js';
import { SubqueryWindows } from './subquery-windows.js';

/** Where the number of series goes that a question's answer was made of: the pods are counted by the average of the CPU usage (E5). */
export function countedColumn({ column }: UsageQuestion): UsageColumn | undefined {
  return column === 'cpuUsage.avg' ? 'cpuUsage.count' : undefined;
}

/**
 * Writes the answer to one question into a table, as fillUsageTables does with PromQL's: every row that has a number is an interval (E4),
 * infinities count as missing (E15), JVM series give their labels and no number. Answers the column it made, if any; `made` = one that was made of the
 * same values before and is used again.
 */
export function fillDraft(
  draft: TableDraft,
  question: UsageQuestion,
  values: Float64Array,
  labels: Readonly<Record<string, string>>,
  made?: Float64Array,
): Float64Array | undefined {
  if (question.variable.startsWith('jvm')) fillJvm(draft, question, labels, values);
  if (!made || question.column === undefined) return fillColumn(draft, question.column, values);
  draft.setColumn(question.column, made);
  return made;
}

/** Copies the finite values into a column of the table, which it answers; without a name, or without any value, there is none and only rows are marked. */
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

/** `jvm_info` goes before `jvm_info_total`, whichever comes first. */
function fillJvm(draft: TableDraft, { variable }: UsageQuestion, labels: Readonly<Record<string, string>>, values: Float64Array): void {
  if (draft.jvm && variable === 'jvmInfoTotal') return;
  draft.jvm = { runtime: labels.runtime ?? '', vendor: labels.vendor ?? '', version: labels.version ?? '' };
  draft.jvmLastRow = values.findLastIndex((value) => !Number.isNaN(value));
}

/** The instants of the series that come, and those of the tables; the same where no query has a subquery. */
export interface AggregationGrids {
  readonly read: Grid;
  readonly intervals: Grid;
}

/** Series of an experiment that are one series of the query's answer. */
interface Group {
  readonly labels: Readonly<Record<string, string>>;
  readonly totals: SeriesTotals;
}

/** Gathers the series of one question and fills the tables with what the profile's queries make of them. */
export class QuestionAggregation {
  private readonly channels: readonly { readonly channel: Channel; readonly groups: Map<Target, Map<string, Group>> }[];
  private readonly subqueries = new Map<number, SubqueryWindows>();
  private readonly podLabel: string;

  /** `owners` = whom pods belong to; absent where series are not joined to workloads. */
  constructor(
    private readonly planned: PlannedQuestion,
    private readonly grids: AggregationGrids,
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
      const values = this.valuesOf(channel, series);
      const [first, end] = channel.perSeries ? [0, values.length] : [series.firstRow, series.endRow];
      for (const { owner, from, to } of this.ownedRows(namespace, series, channel, end)) {
        const target = targets.get(owner);
        if (target) this.groupOf(groups, target, channel, series).totals.add(values, Math.max(first, from), Math.min(end, to));
      }
    }
  }

  /** Writes what was gathered into the tables, by the experiments' places in the request, and forgets it. */
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

  /** The readings of one group; where it is of one series at a time they share one column, which saves half the memory of most tables. */
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

  private valuesOf({ window, perSeries }: Channel, { values }: SeriesWindows): Float64Array {
    return perSeries ? this.takeSubquery(perSeries, values[window]!) : values[window]!;
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
    const totals = new SeriesTotals(rows, operators);
    const group = { labels, totals };
    grouped.set(key, group);
    return group;
  }

  /** Of several series of one experiment the first of the answer is read (spec: recommendations.md 2.5). */
  private firstOf(groups: readonly Group[], { groupLabels }: Channel): Group | undefined {
    if (groups.length === 1) return groups[0]!.totals.hasValues ? groups[0] : undefined;
    const { namespaceLabel, containerLabel = namespaceLabel } = this.planned;
    // Of these only the places in the order matter: all groups of a target have one workload.
    const joined: Record<string, string> = this.owners ? { workload: 'w', workload_type: 't' } : {};
    const names = [...new Set([namespaceLabel, containerLabel, ...groupLabels, ...Object.keys(joined)])];
    const orderOf = ({ labels }: Group) => labelPairs({ ...labels, ...joined }, names);
    return groups.filter(({ totals }) => totals.hasValues).sort((one, other) => compareLabels(orderOf(one), orderOf(other)))[0];
  }
}
