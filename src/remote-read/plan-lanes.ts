import type { Grid, WindowFunction, Windows } from './series-windows.js';

/** Kinds of passes over a series, in the order of `LaneKind` in kernel/lane.ts. */
export const laneKinds = ['gauge', 'counter', 'instant'] as const;
export type LaneKind = (typeof laneKinds)[number];

/** The kind of pass that computes a function, and the index among its results. */
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

/** Maximum results of a pass. */
export const maxResults = 6;

/**
 * One pass over a series. The windows of a pass do not overlap, so a sample is in one window, or in two if it is on a shared boundary.
 * Windows longer than the grid's step are distributed over several lanes in rotation.
 */
export interface LanePlan {
  readonly kind: LaneKind;
  /** Rows from one window of the lane to the next, and the time between them in ms. */
  readonly rowStep: number;
  readonly strideMs: number;
  readonly rows: number;
  readonly firstRow: number;
  readonly firstEndMs: number;
  readonly rangeMs: number;
  /** The window that ends at E contains the samples of [E - widthMs, E]. */
  readonly widthMs: number;
  /** A sample at the end of a window is also the first of the lane's next window. */
  readonly isShared: boolean;
  readonly isZeroFirst: boolean;
  /** Column of each result, by index; -1 = not requested. */
  readonly columns: readonly number[];
}

/** Plans the lanes that fill column `k` with the values of `windows[k]`. */
export function planLanes(windows: readonly Windows[], grid: Grid): LanePlan[] {
  const passes: { kind: LaneKind; rangeMs: number; columns: number[] }[] = [];
  windows.forEach(({ function: name, rangeMs }, column) => {
    const [kind, result] = results[name];
    let pass = passes.find((other) => other.kind === kind && other.rangeMs === rangeMs && other.columns[result] === -1);
    if (!pass) {
      pass = { kind, rangeMs, columns: Array<number>(maxResults).fill(-1) };
      passes.push(pass);
    }
    pass.columns[result] = column;
  });
  return passes.flatMap(({ kind, rangeMs, columns }) => lanesOf(kind, rangeMs, columns, grid));
}

function lanesOf(kind: LaneKind, rangeMs: number, columns: readonly number[], grid: Grid): LanePlan[] {
  const { stepMs, rows, endMs, boundary, extrapolation = defaultExtrapolation[boundary] } = grid;
  // A bare selector always needs one lane, however long its look-back is: each instant takes the latest sample.
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
