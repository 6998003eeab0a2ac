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
  const pointOf = (first: number, end: number): PlotPoint => {
    const key = first * (intervals.count + 1) + end;
    const point = points.get(key) ?? summarizeBin(intervals, first, end);
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

function summarizeBin(intervals: Intervals, first: number, end: number): PlotPoint {
  if (first >= end) return {};
  const cpuFormat = formatOf(intervals.hasCpu.subarray(first, end), 'cores');
  const memoryFormat = formatOf(intervals.hasMemory.subarray(first, end), 'bytes');
  return {
    cpuUsage: summarize(intervals.cpuPeaks.slice(first, end), intervals.cpuFloors.subarray(first, end), cpuFormat),
    memoryUsage: summarize(intervals.memoryPeaks.slice(first, end), intervals.memoryFloors.subarray(first, end), memoryFormat),
  };
}

/** `peaks` is a copy, sorted in place. Floors are never negative, so their minimum is 0 where any of them is. */
function summarize(peaks: Float64Array, floors: Float64Array, format: string): PlotSummary {
  peaks.sort();
  const last = peaks.length - 1;
  const at = (percentile: number) => peaks[Math.round((percentile / 100.0) * last)]!;
  let min = floors[0]!;
  for (let index = 1; index < floors.length; index++) if (floors[index]! < min) min = floors[index]!;
  return { min, q1: at(25), median: at(50), q3: at(75), max: peaks[last]!, format };
}
