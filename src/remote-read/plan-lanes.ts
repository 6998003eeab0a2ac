import type { Grid, WindowFunction, Windows } from './series-windows.js';

/** Kinds of passes over a series; their order is that of assembly/lane.ts. */
export const laneKinds = ['gauge', 'counter', 'instant'] as const;
export type LaneKind = (typeof laneKinds)[number];

/** Which kind of pass computes a function, and as which of its results. */
const results: Readonly<Record<WindowFunction, readonly [LaneKind, number]>> = {
  avg_over_time: ['gauge', 0],
  min_over_time: ['gauge', 1],
  max_over_time: ['gauge', 2],
  sum_over_time: ['gauge', 3],
  count_over_time: ['gauge', 4],
  last_over_time: ['gauge', 5],
  rate: ['counter', 0],
  increase: ['counter', 1],
  irate: ['counter', 2],
  instant: ['instant', 0],
};

/** Results that a pass has at most. */
export const mostResults = 6;

/**
 * One pass of windows over a series: windows that do not overlap, so that a sample is in one of them (in two where it lies on a shared boundary).
 * Windows longer than the grid's step are dealt out to several lanes in turn.
 */
export interface LanePlan {
  readonly kind: LaneKind;
  /** Rows from one window of the lane to its next, and the time between them in ms. */
  readonly rowStep: number;
  readonly strideMs: number;
  readonly rows: number;
  readonly firstRow: number;
  readonly firstEndMs: number;
  readonly rangeMs: number;
  /** The window that ends at E holds the samples of [E - widthMs, E]. */
  readonly widthMs: number;
  /** A sample at the end of a window is also the first of the lane's next one. */
  readonly isShared: boolean;
  readonly isZeroFirst: boolean;
  /** Column of each result, by its number; -1 = not wanted. */
  readonly columns: readonly number[];
}

/** The lanes that fill column `k` with the values of `windows[k]`. */
export function planLanes(windows: readonly Windows[], grid: Grid): LanePlan[] {
  const passes: { kind: LaneKind; rangeMs: number; columns: number[] }[] = [];
  windows.forEach(({ function: name, rangeMs }, column) => {
    const [kind, result] = results[name];
    let pass = passes.find((other) => other.kind === kind && other.rangeMs === rangeMs && other.columns[result] === -1);
    if (!pass) {
      pass = { kind, rangeMs, columns: Array<number>(mostResults).fill(-1) };
      passes.push(pass);
    }
    pass.columns[result] = column;
  });
  return passes.flatMap(({ kind, rangeMs, columns }) => lanesOf(kind, rangeMs, columns, grid));
}

function lanesOf(kind: LaneKind, rangeMs: number, columns: readonly number[], grid: Grid): LanePlan[] {
  const { stepMs, rows, endMs, boundary, extrapolation = defaultExtrapolation[boundary] } = grid;
  // A look-back may be longer than the step all the same: the latest sample is one for all instants.
  const lanes = kind === 'instant' ? 1 : Math.min(rows, Math.max(1, Math.ceil(rangeMs / stepMs)));
  return Array.from({ length: lanes }, (_, firstRow) => ({
    kind,
    rowStep: lanes,
    strideMs: lanes * stepMs,
    rows,
    firstRow,
    firstEndMs: endMs - (rows - 1 - firstRow) * stepMs,
    rangeMs,
    widthMs: boundary === 'closed' ? rangeMs : rangeMs - 1,
    isShared: boundary === 'closed' && kind !== 'instant' && rangeMs === lanes * stepMs,
    isZeroFirst: extrapolation === 'zero-first',
    columns,
  }));
}

const defaultExtrapolation = { closed: 'zero-first', 'left-open': 'threshold-first' } as const;
