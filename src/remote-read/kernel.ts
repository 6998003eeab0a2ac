import { readFileSync } from 'node:fs';
import type { ChunkQuestion, Grid, WindowFunction, Windows } from './series-windows.js';

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

/** Turns chunks into windows, one series after another. Its memory does not grow with the length of a series. */
export interface Kernel {
  /** Returns a buffer for a frame. Invalidates the buffer of the previous call. */
  roomFor(bytes: number): Uint8Array;
  /** Starts a series of this question. */
  open(question: number): void;
  /** Adds the series' next XOR chunk: `length` bytes at `offset` of the frame's buffer. Discard the series after a fault. */
  add(offset: number, length: number): Fault;
  /** Ends the series. Returns a column for each of the question's windows, valid until the next `open` or `roomFor`. */
  close(): FilledColumns;
  /** Releases the memory for another kernel. Do not use this one afterwards. */
  free(): void;
}

/** One column per window, with a value for each row of the grid; NaN outside [firstRow, endRow). */
export interface FilledColumns {
  readonly values: readonly Float64Array[];
  readonly firstRow: number;
  readonly endRow: number;
}

/** Texts of the faults of an XOR chunk, by their numbers in kernel/kernel.ts; 0 = no fault. */
export const faultTexts = [
  'no fault',
  'a chunk ends before its last sample',
  'a chunk has a value of more than 64 bits',
  'samples are not in time order',
  'a sample has an invalid time',
  'overlapping chunks have too many samples',
] as const;

export const faults = { none: 0, truncated: 1, width: 2, order: 3, time: 4, overlap: 5 } as const;
export type Fault = (typeof faults)[keyof typeof faults];

/** The exports of kernel/kernel.ts. */
interface KernelExports {
  readonly memory: WebAssembly.Memory;
  readonly firstFilled: WebAssembly.Global;
  readonly endFilled: WebAssembly.Global;
  layOut(maxLanes: number, maxColumns: number, rows: number): number;
  roomFor(bytes: number): number;
  clearLanes(columns: number): void;
  addLane(...numbers: number[]): void;
  open(): void;
  add(offset: number, length: number): Fault;
  close(): void;
}

/** Compiles kernel.wasm, which `npm run build` creates. Returns undefined if it is missing or broken. */
export function compileKernel(file = new URL('./kernel.wasm', import.meta.url)): WebAssembly.Module | undefined {
  try {
    return new WebAssembly.Module(readFileSync(file));
  } catch {
    return undefined;
  }
}

const compiled = compileKernel();

/**
 * Unused instances, except those that a long frame made large. A new instance for each read would leave some 20 MB, mostly untouched, to
 * the garbage collector.
 */
const idle: KernelExports[] = [];
const maxIdleBytes = 32 * 1024 * 1024;

/** The kernel in WebAssembly. */
export class WasmKernel implements Kernel {
  private readonly wasm: KernelExports;
  private readonly firstColumn: number;
  private readonly rows: number;
  private readonly lanes: readonly (readonly LanePlan[])[];
  private readonly columns: readonly number[];
  private views: Float64Array[] = [];
  private question = -1;

  constructor(questions: readonly ChunkQuestion[], grid: Grid) {
    this.wasm = idle.pop() ?? instantiate();
    this.lanes = questions.map(({ windows }) => planLanes(windows, grid));
    this.columns = questions.map(({ windows }) => windows.length);
    this.rows = grid.rows;
    this.firstColumn = this.wasm.layOut(Math.max(0, ...this.lanes.map(({ length }) => length)), Math.max(0, ...this.columns), grid.rows);
  }

  roomFor(bytes: number): Uint8Array {
    const at = this.wasm.roomFor(bytes);
    return Buffer.from(this.wasm.memory.buffer, at, bytes);
  }

  open(question: number): void {
    if (question !== this.question) this.prepare(question);
    this.wasm.open();
  }

  add(offset: number, length: number): Fault {
    return this.wasm.add(offset, length);
  }

  close(): FilledColumns {
    this.wasm.close();
    // Growing the memory detaches its old buffer.
    if (this.views[0]?.buffer !== this.wasm.memory.buffer) this.views = this.viewColumns();
    return { values: this.views, firstRow: this.wasm.firstFilled.value, endRow: this.wasm.endFilled.value };
  }

  free(): void {
    if (this.wasm.memory.buffer.byteLength <= maxIdleBytes) idle.push(this.wasm);
  }

  private prepare(question: number): void {
    this.question = question;
    this.views = this.viewColumns();
    this.wasm.clearLanes(this.columns[question]!);
    for (const lane of this.lanes[question]!) {
      const { rowStep, rows, firstRow, firstEndMs, strideMs, rangeMs, widthMs, isShared, isZeroFirst, columns } = lane;
      const kind = laneKinds.indexOf(lane.kind);
      const flags = [Number(isShared), Number(isZeroFirst)];
      this.wasm.addLane(kind, rowStep, rows, firstRow, firstEndMs, strideMs, rangeMs, widthMs, ...flags, ...columns);
    }
  }

  private viewColumns(): Float64Array[] {
    const { buffer } = this.wasm.memory;
    const at = (column: number) => new Float64Array(buffer, this.firstColumn + column * this.rows * 8, this.rows);
    return Array.from({ length: this.columns[this.question] ?? 0 }, (_, column) => at(column));
  }
}

function instantiate(): KernelExports {
  if (!compiled) throw new Error('The build is not complete: remote-read/kernel.wasm is missing or broken. Run npm run build.');
  // AssemblyScript requires this import. The kernel never calls it.
  const abort = () => {
    throw new Error('the chunk kernel stopped');
  };
  return new WebAssembly.Instance(compiled, { env: { abort } }).exports as unknown as KernelExports;
}
