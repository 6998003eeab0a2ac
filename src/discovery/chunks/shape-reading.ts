import type { SeriesWindows } from '../../chunks/series-windows.js';
import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import { addTo, type Group, GroupSums } from './group-sums.js';
import { JoinedSide, type SideSeries } from './joined-side.js';
import { keepRows } from './kept-rows.js';
import type { PlannedShape } from './plan-chunk-questions.js';

/** One query on its way: takes the series of its selectors as they come, those of a join's one side first. */
export class ShapeReading {
  private readonly sums: GroupSums;
  private readonly side?: JoinedSide;
  /** PromQL refuses the query, or means something that is not computed here. */
  private isRefused = false;

  constructor(
    private readonly planned: PlannedShape,
    rows: number,
  ) {
    const { groupBy, join } = planned.shape;
    this.sums = new GroupSums(groupBy, rows);
    if (join) this.side = new JoinedSide(join);
  }

  add(series: SeriesWindows): void {
    const { vector, side } = this.planned;
    if (this.isRefused || series.firstRow >= series.endRow) return;
    if (series.question === side?.question) this.isRefused = !this.side?.add(series.labels, keepRows(series, side));
    else if (series.question !== vector.question) return;
    else if (this.side) this.addJoined(series, this.side);
    else this.addAlone(series);
  }

  /** The answer as Prometheus would give it; undefined = it has to be asked. */
  answer(secondsOf: (row: number) => number): PrometheusSeries[] | undefined {
    return this.isRefused ? undefined : this.sums.toSeries(secondsOf);
  }

  private addAlone(series: SeriesWindows): void {
    const group = this.sums.groupOf(series.labels);
    this.eachRow(series, (row, value) => addTo(group, row, value));
  }

  private addJoined(series: SeriesWindows, side: JoinedSide): void {
    // A label that the other side overwrites may be all that tells two series apart: then PromQL refuses the query.
    if (this.planned.shape.join?.include.some((name) => series.labels[name])) {
      this.isRefused = true;
      return;
    }
    const candidates = side.candidates(series.labels);
    const groups = new Map<SideSeries, Group>();
    this.eachRow(series, (row, value) => {
      const match = side.chooseAt(row, candidates);
      if (!match) return;
      const group = groups.get(match) ?? this.sums.groupOf({ ...series.labels, ...match.included });
      groups.set(match, group);
      addTo(group, row, value * side.factorOf(match, row));
    });
  }

  /** The rows whose window holds a sample. */
  private eachRow({ values, firstRow, endRow }: SeriesWindows, visit: (row: number, value: number) => void): void {
    const { vector } = this.planned;
    const column = values[vector.values]!;
    const counts = values[vector.counts]!;
    for (let row = firstRow; row < endRow; row++) if (counts[row]! > 0) visit(row, column[row]!);
  }
}
