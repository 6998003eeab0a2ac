import type { Grid, Windows } from '../../src/remote-read/series-windows.js';
import { type Sample, staleMarker } from './encode-xor-chunk.js';

type Numbered = readonly [timeMs: number, value: number];

/** Evaluates the windows of a series naively: selects the samples of every row and applies PromQL's documented definition. */
export function evaluateNaively(samples: readonly Sample[], { function: name, rangeMs }: Windows, grid: Grid): number[] {
  const isWithin = (time: number, end: number) =>
    time <= end && (grid.boundary === 'closed' ? time >= end - rangeMs : time > end - rangeMs);
  return Array.from({ length: grid.rows }, (_, row) => {
    const end = grid.endMs - (grid.rows - 1 - row) * grid.stepMs;
    const within = samples.filter(([time]) => isWithin(time, end));
    if (name === 'instant') {
      const latest = within.at(-1)?.[1];
      return typeof latest === 'number' ? latest : Number.NaN;
    }
    const numbers = within.filter((sample): sample is Numbered => sample[1] !== staleMarker);
    return numbers.length === 0 ? Number.NaN : evaluations[name](numbers, end, rangeMs, grid);
  });
}

const evaluations: Readonly<
  Record<Exclude<Windows['function'], 'instant'>, (samples: readonly Numbered[], end: number, rangeMs: number, grid: Grid) => number>
> = {
  avg_over_time: (samples) => total(samples) / samples.length,
  min_over_time: (samples) => best(samples, (value, min) => value < min),
  max_over_time: (samples) => best(samples, (value, max) => value > max),
  sum_over_time: total,
  count_over_time: (samples) => samples.length,
  last_over_time: (samples) => samples.at(-1)![1],
  increase,
  rate: (samples, end, rangeMs, grid) => increase(samples, end, rangeMs, grid) / (rangeMs / 1000),
  irate: (samples) => {
    const [[beforeTime, before], [time, value]] = [samples.at(-2) ?? [Number.NaN, Number.NaN], samples.at(-1)!];
    return (value < before ? value : value - before) / ((time - beforeTime) / 1000);
  },
};

function total(samples: readonly Numbered[]): number {
  return samples.reduce((sum, [, value]) => sum + value, 0);
}

function best(samples: readonly Numbered[], isBetter: (value: number, than: number) => boolean): number {
  return samples.reduce((found, [, value]) => (Number.isNaN(found) || isBetter(value, found) ? value : found), Number.NaN);
}

/** Both versions of extrapolatedRate (Prometheus: promql/functions.go; https://github.com/prometheus/prometheus/pull/13725). */
function increase(samples: readonly Numbered[], end: number, rangeMs: number, { boundary, extrapolation }: Grid): number {
  if (samples.length < 2) return Number.NaN;
  const [firstTime, first] = samples[0]!;
  const [lastTime, last] = samples.at(-1)!;
  const resets = samples.slice(1).reduce((sum, [, value], i) => (value < samples[i]![1] ? sum + samples[i]![1] : sum), 0);
  const gained = last - first + resets;
  const sampledMs = lastTime - firstTime;
  const averageMs = sampledMs / (samples.length - 1);
  const limited = (gapMs: number) => (gapMs < averageMs * 1.1 ? gapMs : averageMs / 2);
  const zeroMs = gained > 0 && first >= 0 ? sampledMs * (first / gained) : Number.POSITIVE_INFINITY;
  const startMs = firstTime - (end - rangeMs);
  const isZeroFirst = extrapolation ? extrapolation === 'zero-first' : boundary === 'closed';
  const toStartMs = isZeroFirst ? limited(Math.min(startMs, zeroMs)) : Math.min(limited(startMs), zeroMs);
  return gained * ((sampledMs + toStartMs + limited(end - lastTime)) / sampledMs);
}
