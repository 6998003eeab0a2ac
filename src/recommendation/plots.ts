import type { Intervals } from './intervals.js';
import type { PlotPoint, PlotSummary, Plots } from './recommendations.js';
import type { Term } from './settings.js';
import { firstInterval, formatOf, rankOf, selectRanked } from './sizing.js';

/** Plots a term that starts at `startMs` (Unix milliseconds). */
export type PlotTerm = (term: Term, startMs: number) => Plots;

const dayMs = 86_400_000;
const plottedPercentiles = [25, 50, 75, 100];

/** Plots of these intervals. Bins of different terms that contain the same intervals are computed once. */
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
    // A bin excludes its start and includes its end. The interval exactly at the term's start is in no bin, as in Kruize.
    let first = after(startMs);
    for (let bin = 1; bin <= plotBins; bin++) {
      const end = after(endOfBin(bin));
      plots_data[isoTime(endOfBin(bin))] = pointOf(first, end);
      first = end;
    }
    return { datapoints: plotBins, plots_data };
  };
}

function summarizeBin(intervals: Intervals, first: number, end: number): PlotPoint {
  if (first >= end) return {};
  const { cpuPeaks, cpuFloors, hasCpu, memoryPeaks, memoryFloors, hasMemory } = intervals;
  return {
    cpuUsage: summarize(cpuPeaks, cpuFloors, first, end, formatOf(hasCpu, 'cores', first, end)),
    memoryUsage: summarize(memoryPeaks, memoryFloors, first, end, formatOf(hasMemory, 'bytes', first, end)),
  };
}

function summarize(peaks: Float64Array, floors: Float64Array, first: number, end: number, format: string): PlotSummary {
  let min = floors[first]!;
  // Floors are never negative: one idle interval makes the minimum 0.
  for (let at = first; at < end; at++) if (floors[at]! < min) min = floors[at]!;
  const ranks = plottedPercentiles.map((percentile) => rankOf(percentile, end - first));
  const [q1, median, q3, max] = selectRanked(peaks, first, end, ranks) as [number, number, number, number];
  return { min, q1, median, q3, max, format };
}

const formatted = new Map<number, string>();
const maxFormatted = 1_000;

/** Formats Unix milliseconds as ISO-8601 in UTC. Cached, because the terms and bins of all containers end at the same instants. */
export function isoTime(milliseconds: number): string {
  const known = formatted.get(milliseconds);
  if (known !== undefined) return known;
  if (formatted.size >= maxFormatted) formatted.clear();
  const text = new Date(milliseconds).toISOString();
  formatted.set(milliseconds, text);
  return text;
}
