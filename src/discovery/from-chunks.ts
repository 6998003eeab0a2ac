import type { Datasource } from '../datasource/datasource.js';
import type { DatasourceClient, PrometheusSeries } from '../datasource/datasource-client.js';
import { type Labels, labelKey } from '../promql/labels.js';
import type { ChunkQuestion, Grid, SeriesWindows, Windows } from '../remote-read/series-windows.js';
import type { DiscoveryShape, Join, SeriesVector } from './discovery-shape.js';
import { type Instants, startOf } from './plan-discovery.js';

/** The rows of a series from its first to its last sample. `values[i]` belongs to row `firstRow + i` and is valid if `counts[i]` is not NaN. */
export interface KeptRows {
  readonly firstRow: number;
  readonly values: readonly number[];
  readonly counts: readonly number[];
}

/** Copies the rows of a series, because its columns are reused for the next one. */
export function keepRows({ values, firstRow, endRow }: SeriesWindows, place: VectorPlace): KeptRows {
  const keep = (column: number) => [...values[column]!.subarray(firstRow, endRow)];
  const kept = keep(place.values);
  return { firstRow, values: kept, counts: place.counts === place.values ? kept : keep(place.counts) };
}

/** Whether the row's window holds a sample of the series. */
export function hasSample({ firstRow, counts }: KeptRows, row: number): boolean {
  return counts[row - firstRow]! > 0;
}

/** The value of a row that has a sample. */
export function valueAt({ firstRow, values }: KeptRows, row: number): number {
  return values[row - firstRow]!;
}

/** A group of `sum by`: a sum per row, undefined without samples. A plain array, because thousands of small typed arrays cost more than their contents. */
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

  /** The groups that have a sum in any row. `secondsOf` returns the instant of a row. */
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

function addTo({ sums }: Group, row: number, value: number): void {
  sums[row] = (sums[row] ?? 0) + value;
}

/** Where to find a vector in the results: the index of its question and its columns for values and for the number of samples. */
export interface VectorPlace {
  readonly question: number;
  readonly values: number;
  readonly counts: number;
}

export interface PlannedShape {
  readonly shape: DiscoveryShape;
  readonly vector: VectorPlace;
  /** Only of joins; its question comes before the vector's. */
  readonly side?: VectorPlace;
}

type Draft = ChunkQuestion & { readonly windows: Windows[] };

/**
 * Plans one remote read for all shapes. Equal selectors are read once. Series arrive in the order of the questions, so the one-sides of joins come
 * first; only a selector that is needed on both sides is read twice.
 */
export function planChunkQuestions(shapes: readonly DiscoveryShape[]) {
  const questions: Draft[] = [];
  const first = shapes.map(({ vector, join }) => placeOf(join?.side.vector ?? vector, questions, 0));
  const joinedFrom = questions.length;
  const planned: PlannedShape[] = shapes.map((shape, i) => {
    const place = first[i]!;
    return shape.join ? { shape, vector: placeOf(shape.vector, questions, joinedFrom), side: place } : { shape, vector: place };
  });
  return { questions, shapes: planned };
}

/** Adds the vector to a question with the same selector at index `from` or later, or to a new one. */
function placeOf({ matchers, windows }: SeriesVector, questions: Draft[], from: number): VectorPlace {
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

/** Computes one query. Takes the series of its selectors as they arrive, those of a join's one-side first. */
export class ShapeReading {
  private readonly sums: GroupSums;
  private readonly side?: JoinedSide;
  /** PromQL rejects the query, or its result cannot be computed here. */
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

  /** The result that Prometheus would return; undefined = Prometheus must evaluate the query. */
  result(secondsOf: (row: number) => number): PrometheusSeries[] | undefined {
    return this.isRefused ? undefined : this.sums.toSeries(secondsOf);
  }

  private addAlone(series: SeriesWindows): void {
    const group = this.sums.groupOf(series.labels);
    this.eachRow(series, (row, value) => addTo(group, row, value));
  }

  private addJoined(series: SeriesWindows, side: JoinedSide): void {
    // Two series may differ only in a label that the other side overwrites: PromQL rejects the query then.
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

  /** Visits the rows whose window holds a sample. */
  private eachRow({ values, firstRow, endRow }: SeriesWindows, visit: (row: number, value: number) => void): void {
    const { vector } = this.planned;
    const column = values[vector.values]!;
    const counts = values[vector.counts]!;
    for (let row = firstRow; row < endRow; row++) if (counts[row]! > 0) visit(row, column[row]!);
  }
}

/** A series of the one-side, with the labels that the join takes from it. */
export interface SideSeries {
  readonly included: Labels;
  readonly rows: KeptRows;
}

/** The series of a join's one-side, indexed by the labels of `on`. */
export class JoinedSide {
  private readonly byKey = new Map<string, SideSeries[]>();

  constructor(private readonly join: Join) {}

  /** Adds the next series, in order of labels. Returns false if several series match at one row, which PromQL rejects. */
  add(labels: Labels, rows: KeptRows): boolean {
    const { on, include, side } = this.join;
    const key = labelKey(labels, on);
    const others = this.byKey.get(key) ?? [];
    if (!side.isTop && others.some((other) => haveCommonRow(other.rows, rows))) return false;
    const included = Object.fromEntries(include.map((name) => [name, labels[name] ?? '']));
    this.byKey.set(key, [...others, { included, rows }]);
    return true;
  }

  /** The series that may match a series with these labels. */
  candidates(labels: Labels): readonly SideSeries[] {
    return this.byKey.get(labelKey(labels, this.join.on)) ?? [];
  }

  /** Picks the candidate for a row: the largest value, as `topk` does; on a tie, the first in Prometheus' series order. */
  chooseAt(row: number, candidates: readonly SideSeries[]): SideSeries | undefined {
    let chosen: SideSeries | undefined;
    for (const candidate of candidates) {
      if (!hasSample(candidate.rows, row)) continue;
      if (!chosen || isLarger(valueAt(candidate.rows, row), valueAt(chosen.rows, row))) chosen = candidate;
    }
    return chosen;
  }

  /** The factor for the values of the other side. */
  factorOf({ rows }: SideSeries, row: number): number {
    const { above } = this.join.side;
    const value = valueAt(rows, row);
    return above === undefined ? value : Number(value > above);
  }
}

/** As in topk, any number is larger than NaN (Prometheus: promql/engine.go). */
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
 * Computes the result of each query from one remote read of chunks; undefined for a query that the datasource must evaluate.
 * Holds in memory the sums of each group and the rows of each series on the one-side of a join. Rejects with a DatasourceError.
 */
export async function computeFromChunks(
  client: Pick<DatasourceClient, 'readChunks'>,
  request: { readonly datasource: Datasource; readonly windows: Instants; readonly boundary: Grid['boundary'] },
  shapes: readonly DiscoveryShape[],
  signal?: AbortSignal,
): Promise<(PrometheusSeries[] | undefined)[]> {
  const { endSeconds, lengthMs, count } = request.windows;
  const grid = { endMs: Math.round(endSeconds * 1000), stepMs: lengthMs, rows: count, boundary: request.boundary };
  const plan = planChunkQuestions(shapes);
  const begin = () => plan.shapes.map((planned) => new ShapeReading(planned, count));
  let readings = begin();
  const beginAgain = () => {
    readings = begin();
  };
  const addSeries: Parameters<DatasourceClient['readChunks']>[3] = (series) => {
    for (const reading of readings) reading.add(series);
  };
  await client.readChunks(request.datasource, plan.questions, grid, addSeries, signal, beginAgain);
  const startMs = Math.round(startOf(request.windows) * 1000);
  return readings.map((reading) => reading.result((row) => (startMs + row * lengthMs) / 1000));
}
