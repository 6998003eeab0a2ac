import { readFileSync } from 'node:fs';
import { memoryUsage } from 'node:process';
import { recommend } from '../src/recommendation/recommend.js';
import { readUsageFile } from '../src/usage-file/read-usage-file.js';

/** Cost of one recommendation: a container with 1,441 intervals, three terms, two models, plots. */
export interface EngineCost {
  /** CPU milliseconds of the first recommendation, before V8 has compiled anything. */
  readonly coldMs: number;
  /** CPU milliseconds per recommendation after warm-up: the median of the batches. */
  readonly warmMs: number;
  /** The same in the fastest batch: the cost on an idle machine. */
  readonly bestMs: number;
  /** Bytes allocated per recommendation, on JavaScript's heap and in buffers. */
  readonly allocatedBytes: number;
}

const batches = 40;
const perBatch = 100;
const fullContainer = new URL('../test/fixtures/recommendations/in/s2_full.json', import.meta.url);

/**
 * Measures the engine without reading usage and without rendering JSON, and prints the result. Run node with --expose-gc to measure
 * allocations.
 */
export function benchEngine(print: (line: string) => void = console.log): EngineCost {
  const { usage, settings } = readUsageFile(JSON.parse(readFileSync(fullContainer, 'utf8')));
  const once = () => recommend(usage, settings);
  const coldMs = cpuMsOf(once);
  const costs = Array.from({ length: batches }, () => cpuMsOf(() => repeat(once, perBatch)) / perBatch);
  const warm = costs.slice(batches / 4).sort((one, other) => one - other);
  const cost = { coldMs, warmMs: warm[warm.length >> 1]!, bestMs: warm[0]!, allocatedBytes: allocatedBy(once) };
  print(`engine: ${usage.length} intervals, ${settings.terms.length} terms, ${settings.models.length} models, plots`);
  print(
    `  CPU a container  ${cost.warmMs.toFixed(3)} ms warm (median; best ${cost.bestMs.toFixed(3)} ms), ${cost.coldMs.toFixed(1)} ms the first time`,
  );
  print(`  allocated        ${(cost.allocatedBytes / 1024).toFixed(0)} KiB a container`);
  return cost;
}

function repeat(work: () => unknown, times: number): void {
  for (let time = 0; time < times; time++) work();
}

function cpuMsOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Few repeats, so that usually no garbage collection happens in between; the median of the tries without one. */
function allocatedBy(work: () => unknown): number {
  const repeats = 10;
  const tries = Array.from({ length: 20 }, () => {
    globalThis.gc?.();
    const before = bytesInUse();
    repeat(work, repeats);
    return (bytesInUse() - before) / repeats;
  });
  const undisturbed = tries.filter((bytes) => bytes > 0).sort((one, other) => one - other);
  return undisturbed[undisturbed.length >> 1] ?? 0;
}

function bytesInUse(): number {
  const { heapUsed, arrayBuffers } = memoryUsage();
  return heapUsed + arrayBuffers;
}
