import { readFileSync } from 'node:fs';
import { type LanePlan, laneKinds, planLanes } from './plan-lanes.js';
import type { ChunkQuestion, Grid } from './series-windows.js';

/** Turns the chunks of one series after the other into windows. What it needs of memory does not grow with the series. */
export interface Kernel {
  /** Room for a frame of so many bytes; what it gave before is lost. */
  roomFor(bytes: number): Uint8Array;
  /** A series of this question begins. */
  open(question: number): void;
  /** The next XOR chunk of the series: `length` bytes at `offset` of the room. After a fault the series is of no use. */
  add(offset: number, length: number): Fault;
  /** The series ends. The columns are those of the question's windows; they hold until the next `open` or `roomFor`. */
  close(): FilledColumns;
  /** All series are read: another kernel may have the memory. */
  free(): void;
}

/** One column of the grid's rows for each of the windows; NaN outside [firstRow, endRow). */
export interface FilledColumns {
  readonly values: readonly Float64Array[];
  readonly firstRow: number;
  readonly endRow: number;
}

/** What can be wrong with an XOR chunk, by its number in kernel/kernel.ts; 0 = nothing. */
export const faultTexts = [
  'nothing',
  'a chunk ends before its samples do',
  'a chunk has a value of more than 64 bits',
  'samples go back in time',
  'a sample has an impossible time',
  'too many samples of chunks that overlap',
] as const;

export const faults = { none: 0, truncated: 1, width: 2, order: 3, time: 4, overlap: 5 } as const;
export type Fault = (typeof faults)[keyof typeof faults];

/** The exports of kernel/kernel.ts. */
interface KernelExports {
  readonly memory: WebAssembly.Memory;
  readonly firstFilled: WebAssembly.Global;
  readonly endFilled: WebAssembly.Global;
  layOut(mostLanes: number, mostColumns: number, rows: number): number;
  roomFor(bytes: number): number;
  clearLanes(columns: number): void;
  addLane(...numbers: number[]): void;
  open(): void;
  add(offset: number, length: number): Fault;
  close(): void;
}

/** Compiles kernel.wasm, which `npm run build` makes; returns undefined if it is missing or broken. */
export function compileKernel(file = new URL('./kernel.wasm', import.meta.url)): WebAssembly.Module | undefined {
  try {
    return new WebAssembly.Module(readFileSync(file));
  } catch {
    return undefined;
  }
}

const compiled = compileKernel();

/**
 * Instances that no kernel uses, unless a long frame made them large: to make one for each read leaves some 20 MB to the garbage collector, most of
 * which was never touched.
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
    // Memory that grew lies elsewhere.
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
  return new WebAssembly.Instance(compiled, { env: { abort } }).exports as unknown as KernelExports;
}

/** AssemblyScript calls it where it would stop; the kernel does not. */
function abort(): never {
  throw new Error('the chunk kernel stopped');
}
