import type { Datasource } from '../datasource/datasource.js';
import type { DatasourceClient, PrometheusSeries } from '../datasource/datasource-client.js';
import { type Labels, labelKey } from '../promql/labels.js';
import type { ChunkQuestion, Grid, SeriesWindows, Windows } from '../remote-read/series-windows.js';
import type { DiscoveryShape, Join, SeriesVector } from './discovery-shape.js';
import { type Instants, startOf } from './plan-discovery.js';

/** The rows of one series from its first to its last sample. `values[i]` belongs to row `firstRow + i`; it counts where `counts[i]` is no NaN. */
export interface KeptRows {
  readonly firstRow: number;
  readonly values: readonly number[];
  readonly counts: readonly number[];
}

/** What is kept of a series, whose own columns are used again for the next. */
export function keepRows({ values, firstRow, endRow }: SeriesWindows, place: VectorPlace): KeptRows {
  const keep = (column: number) => [...values[column]!.subarray(firstRow, endRow)];
  const kept = keep(place.values);
  return { firstRow, values: kept, counts: place.counts === place.values ? kept : keep(place.counts) };
}

/** Whether the window of the row holds a sample of the series. */
export function hasSample({ firstRow, counts }: KeptRows, row: number): boolean {
  return counts[row - firstRow]! > 0;
}

/** The value at a row with a sample. */
export function valueAt({ firstRow, values }: KeptRows, row: number): number {
  return values[row - firstRow]!;
}

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

/** Where the series of a vector are in the answer: the question, and its columns of the vector's values and of the samples' count. */
export interface VectorPlace {
  readonly question: number;
  readonly values: number;
  readonly counts: number;
}

export interface PlannedShape {
  readonly shape: DiscoveryShape;
  readonly vector: VectorPlace;
  /** Of joined shapes; its question comes before the vector's. */
  readonly side?: VectorPlace;
}

export interface ChunkPlan {
  readonly questions: readonly ChunkQuestion[];
  readonly shapes: readonly PlannedShape[];
}

interface Draft extends ChunkQuestion {
  readonly windows: Windows[];
}

/**
 * One remote read for all shapes. Equal selectors are asked once. The answer comes in the order of the questions, so what others are joined to is asked
 * first; only a selector that is needed on both sides is asked twice.
 */
export function planChunkQuestions(shapes: readonly DiscoveryShape[]): ChunkPlan {
  const questions: Draft[] = [];
  const first = shapes.map(({ vector, join }) => askFor(join?.side.vector ?? vector, questions, 0));
  const joinedFrom = questions.length;
  const planned = shapes.map((shape, i) => {
    const place = first[i]!;
    return shape.join ? { shape, vector: askFor(shape.vector, questions, joinedFrom), side: place } : { shape, vector: place };
  });
  return { questions, shapes: planned };
}

/** Adds the vector to the question from `from` on that has its selector, or to a new one. */
function askFor({ matchers, windows }: SeriesVector, questions: Draft[], from: number): VectorPlace {
  let question = questions.findIndex((other, i) => i >= from && JSON.stringify(other.matchers) === JSON.stringify(matchers));
  if (question < 0) question = questions.push({ matchers, windows: [] }) - 1;
  const columns = questions[question]!.windows;
  return {
    question,
    values: columnOf(windows, columns),
    counts: columnOf({ function: 'count_over_time', rangeMs: windows.rangeMs }, columns),
  };
}

function columnOf(wanted: Windows, columns: Windows[]): number {
  const found = columns.findIndex((other) => other.function === wanted.function && other.rangeMs === wanted.rangeMs);
  return found >= 0 ? found : columns.push(wanted) - 1;
}

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

/**
 * What the datasource would answer to each of the queries, from one remote read of chunks; undefined for a query that has to be asked after all.
 * Holds the sums of each group, and of what others are joined to the rows of each series. Rejects with a DatasourceError.
 */
export async function answerFromChunks(
  client: Pick<DatasourceClient, 'readChunks'>,
  asked: { readonly datasource: Datasource; readonly windows: Instants; readonly boundary: Grid['boundary'] },
  shapes: readonly DiscoveryShape[],
  signal?: AbortSignal,
): Promise<(PrometheusSeries[] | undefined)[]> {
  const { endSeconds, lengthMs, count } = asked.windows;
  const grid = { endMs: Math.round(endSeconds * 1000), stepMs: lengthMs, rows: count, boundary: asked.boundary };
  const plan = planChunkQuestions(shapes);
  const begin = () => plan.shapes.map((planned) => new ShapeReading(planned, count));
  let readings = begin();
  const beginAgain = () => {
    readings = begin();
  };
  const give: Parameters<DatasourceClient['readChunks']>[3] = (series) => {
    for (const reading of readings) reading.add(series);
  };
  await client.readChunks(asked.datasource, plan.questions, grid, give, signal, beginAgain);
  const startMs = Math.round(startOf(asked.windows) * 1000);
  return readings.map((reading) => reading.answer((row) => (startMs + row * lengthMs) / 1000));
}
