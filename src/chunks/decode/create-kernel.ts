import type { ChunkQuestion, Grid } from '../series-windows.js';
import type { Kernel } from './kernel.js';
import { TwinKernel } from './twin-kernel.js';
import { compileKernel, WasmKernel } from './wasm-kernel.js';

const compiled = compileKernel();

/** Which kernel runs here. */
export const kernelName = compiled ? 'WebAssembly' : 'JavaScript';

/** A kernel for the series of these questions: in WebAssembly, or where that (or its SIMD) is not to be had its twin, some five times slower. */
export function createKernel(questions: readonly ChunkQuestion[], grid: Grid): Kernel {
  return compiled ? new WasmKernel(compiled, questions, grid) : new TwinKernel(questions, grid);
}
