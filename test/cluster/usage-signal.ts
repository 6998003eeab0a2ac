import { daySeconds } from './plan-cluster.js';
import { randomAt } from './random.js';
import type { UsageShape } from './usage-shape.js';

/** `length` instants, `stepSeconds` apart, the first at `firstSeconds`. */
export interface Grid {
  readonly firstSeconds: number;
  readonly stepSeconds: number;
  readonly length: number;
}

/** Demand outside `workHours`, as a share. */
const restShare = 0.002;
/** Throttling begins before the average usage reaches the limit, because the kernel enforces it per 100 ms. */
const throttleFrom = 0.9;

/** CPU usage without a limit, in cores at each instant. */
export function cpuDemand(shape: UsageShape, seed: number, { firstSeconds, stepSeconds, length }: Grid): Float64Array {
  const demand = new Float64Array(length);
  const burstEvery = shape.burstsPerDay > 0 ? daySeconds / shape.burstsPerDay : 0;
  const burstLength = Math.max(shape.burstSeconds, stepSeconds);
  for (let i = 0; i < length; i++) {
    const time = firstSeconds + i * stepSeconds;
    const noise = 1 + shape.noise * (2 * randomAt(seed, time) - 1);
    demand[i] = shape.cpuCores * daily(time, shape.dailySwing) * noise * (isWorking(shape, time) ? 1 : restShare);
    if (burstEvery > 0) {
      const burst = Math.floor(time / burstEvery);
      const since = time - burst * burstEvery - randomAt(seed ^ 0x5bd1e995, burst) * (burstEvery - burstLength);
      if (since >= 0 && since < burstLength) demand[i]! += shape.burstCores * (0.6 + 0.4 * randomAt(seed ^ 0x1b873593, burst));
    }
  }
  return demand;
}

/** CPU usage in cores: the demand, capped at the limit. */
export function cpuUsage(demand: Float64Array, limitCores = Number.POSITIVE_INFINITY): Float64Array {
  return demand.map((cores) => Math.min(cores, limitCores));
}

/** Throttled seconds per second. */
export function throttling(demand: Float64Array, limitCores: number): Float64Array {
  return demand.map((cores) => Math.max(0, cores - throttleFrom * limitCores) / limitCores);
}

/** A counter that starts at 0 and increases at these rates, at each instant. */
export function accumulate(rates: Float64Array, stepSeconds: number): Float64Array {
  let sum = 0;
  return rates.map((rate, i) => {
    sum += i === 0 ? 0 : rate * stepSeconds;
    return sum;
  });
}

/** Working set in bytes, a multiple of the page size. If a leak reaches the limit, the container is killed and restarts. */
export function memoryUsage(shape: UsageShape, seed: number, grid: Grid, limitBytes = Number.POSITIVE_INFINITY): Float64Array {
  const pageBytes = 4096;
  const room = Math.max(limitBytes * 0.98 - shape.memoryBytes * (1 + shape.memorySwing), shape.memoryBytes * 0.1);
  const memory = new Float64Array(grid.length);
  for (let i = 0; i < grid.length; i++) {
    const time = grid.firstSeconds + i * grid.stepSeconds;
    const leaked = shape.leakBytesPerDay > 0 ? ((shape.leakBytesPerDay * i * grid.stepSeconds) / daySeconds) % room : 0;
    const works = isWorking(shape, time) ? 1 : 0.25;
    const noise = 1 + 0.01 * (2 * randomAt(seed ^ 0x2c1b3c6d, time) - 1);
    const bytes = shape.memoryBytes * daily(time, shape.memorySwing) * works * noise + leaked;
    memory[i] = Math.floor(Math.min(bytes, limitBytes) / pageBytes) * pageBytes;
  }
  return memory;
}

/** A daily wave around 1 with its maximum at 14:00 UTC. */
function daily(time: number, swing: number): number {
  return 1 + swing * Math.sin((2 * Math.PI * (time - 8 * 3600)) / daySeconds);
}

function isWorking({ workHours: [from, to] }: UsageShape, time: number): boolean {
  const hour = (time % daySeconds) / 3600;
  return hour >= from && hour < to;
}
