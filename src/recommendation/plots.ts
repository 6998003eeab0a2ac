import type { Intervals } from './intervals.js';
import type { PlotPoint, PlotSummary, Plots } from './recommendations.js';
import { firstInterval, formatOf } from './term-usage.js';
import type { Term } from './terms.js';

/** Makes the plots of a term that begins at `startMs` (Unix milliseconds). */
export type PlotTerm = (term: Term, startMs: number) => Plots;

const dayMs = 86_400_000;

/** Plots of these intervals (recommendations.md 7). Bins of different terms that hold the same intervals are computed once. */
export function plotsOf(intervals: Intervals): PlotTerm {
  const points = new Map<number, PlotPoint>();
  const scratch = new Float64Array(intervals.count);
  const pointOf = (first: number, end: number): PlotPoint => {
    const key = first * (intervals.count + 1) + end;
    const point = points.get(key) ?? summarizeBin(intervals, first, end, scratch);
    points.set(key, point);
    return point;
  };
  return ({ plotBins, days }, startMs) => {
    const plots_data: Record<string, PlotPoint> = {};
    const endOfBin = (bin: number) => startMs + Math.round((bin * days * dayMs) / plotBins);
    const after = (limit: number) => firstInterval(intervals, (time) => time > limit);
    // A bin excludes its start and includes its end, so the interval at the very start of the term is in none (E12).
    let first = after(startMs);
    for (let bin = 1; bin <= plotBins; bin++) {
      const end = after(endOfBin(bin));
      plots_data[new Date(endOfBin(bin)).toISOString()] = pointOf(first, end);
      first = end;
    }
    return { datapoints: plotBins, plots_data };
  };
}

function summarizeBin(intervals: Intervals, first: number, end: number, scratch: Float64Array): PlotPoint {
  if (first >= end) return {};
  const { cpuPeaks, cpuFloors, hasCpu, memoryPeaks, memoryFloors, hasMemory } = intervals;
  const summarize = (peaks: Float64Array, floors: Float64Array, format: string): PlotSummary => {
    const sorted = scratch.subarray(0, end - first);
    sorted.set(peaks.subarray(first, end));
    sorted.sort();
    const at = (percentile: number) => sorted[Math.round((percentile / 100.0) * (sorted.length - 1))]!;
    // Floors are never negative, so their minimum is 0 where any of them is.
    return { min: smallest(floors, first, end), q1: at(25), median: at(50), q3: at(75), max: at(100), format };
  };
  return {
    cpuUsage: summarize(cpuPeaks, cpuFloors, formatOf(hasCpu.subarray(first, end), 'cores')),
    memoryUsage: summarize(memoryPeaks, memoryFloors, formatOf(hasMemory.subarray(first, end), 'bytes')),
  };
}

function smallest(values: Float64Array, first: number, end: number): number {
  let found = values[first]!;
  for (let at = first + 1; at < end; at++) if (values[at]! < found) found = values[at]!;
  return found;
}
