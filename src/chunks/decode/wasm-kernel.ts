import { readFileSync } from 'node:fs';
import type { ChunkQuestion, Grid } from '../series-windows.js';
import type { Fault } from './faults.js';
import type { FilledColumns, Kernel } from './kernel.js';
import { type LanePlan, laneKinds, planLanes } from './plan-lanes.js';

/** What assembly/kernel.ts exports. */
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

/** Compiles the kernel that `npm run build` made; undefined where there is none or no WebAssembly. */
export function compileKernel(file = new URL('./kernel.wasm', import.meta.url)): WebAssembly.Module | undefined {
  try {
    return new WebAssembly.Module(readFileSync(file));
  } catch {
    return undefined;
  }
}

/**
 * Instances that no kernel uses, unless a long frame made them large: to make one for each read leaves some 20 MB to the garbage collector, most of
 * which was never touched.
 */
const idle = new Map<WebAssembly.Module, KernelExports[]>();
const mostIdleBytes = 32 * 1024 * 1024;

/** The kernel in WebAssembly. */
export class WasmKernel implements Kernel {
  private readonly wasm: KernelExports;
  private readonly firstColumn: number;
  private readonly rows: number;
  private readonly lanes: readonly (readonly LanePlan[])[];
  private readonly columns: readonly number[];
  private views: Float64Array[] = [];
  private question = -1;

  constructor(
    private readonly module: WebAssembly.Module,
    questions: readonly ChunkQuestion[],
    grid: Grid,
  ) {
    this.wasm = idle.get(module)?.pop() ?? instantiate(module);
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
    if (this.wasm.memory.buffer.byteLength > mostIdleBytes) return;
    const known = idle.get(this.module);
    if (known) known.push(this.wasm);
    else idle.set(this.module, [this.wasm]);
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

function instantiate(module: WebAssembly.Module): KernelExports {
  return new WebAssembly.Instance(module, { env: { abort } }).exports as unknown as KernelExports;
}

/** AssemblyScript calls it where it would stop; the kernel does not. */
function abort(): never {
  throw new Error('the chunk kernel stopped');
}
