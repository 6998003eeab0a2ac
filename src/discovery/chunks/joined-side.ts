import type { Join } from './discovery-shape.js';
import { hasSample, type KeptRows, valueAt } from './kept-rows.js';
import { type Labels, labelKey } from './label-key.js';

/** A series of the side, with the labels that the join takes from it. */
export interface SideSeries {
  readonly included: Labels;
  readonly rows: KeptRows;
}

/** The series of a join's one side, found by the labels of `on`. */
export class JoinedSide {
  private readonly byKey = new Map<string, SideSeries[]>();

  constructor(private readonly join: Join) {}

  /** Takes the next series, in the order of their labels; false = two series where only one may be: PromQL refuses the query. */
  add(labels: Labels, rows: KeptRows): boolean {
    const { on, include, side } = this.join;
    const key = labelKey(labels, on);
    const others = this.byKey.get(key) ?? [];
    if (!side.isTop && others.some((other) => haveCommonRow(other.rows, rows))) return false;
    const included = Object.fromEntries(include.map((name) => [name, labels[name] ?? '']));
    this.byKey.set(key, [...others, { included, rows }]);
    return true;
  }

  /** The series that may match one with these labels. */
  candidates(labels: Labels): readonly SideSeries[] {
    return this.byKey.get(labelKey(labels, this.join.on)) ?? [];
  }

  /** Which of the candidates matches at a row: of `topk` the one with the largest value; of equal ones the first, as Prometheus has it when it sorts series. */
  chooseAt(row: number, candidates: readonly SideSeries[]): SideSeries | undefined {
    let chosen: SideSeries | undefined;
    for (const candidate of candidates) {
      if (!hasSample(candidate.rows, row)) continue;
      if (!chosen || isLarger(valueAt(candidate.rows, row), valueAt(chosen.rows, row))) chosen = candidate;
    }
    return chosen;
  }

  /** What values of the other side are multiplied by. */
  factorOf({ rows }: SideSeries, row: number): number {
    const { above } = this.join.side;
    const value = valueAt(rows, row);
    return above === undefined ? value : Number(value > above);
  }
}

/** As topk has it: anything is larger than NaN (promql/engine.go). */
function isLarger(value: number, other: number): boolean {
  return value > other || (Number.isNaN(other) && !Number.isNaN(value));
}

function haveCommonRow(one: KeptRows, other: KeptRows): boolean {
  const end = Math.min(one.firstRow + one.counts.length, other.firstRow + other.counts.length);
  for (let row = Math.max(one.firstRow, other.firstRow); row < end; row++) {
    if (hasSample(one, row) && hasSample(other, row)) return true;
  }
  return false;
}
