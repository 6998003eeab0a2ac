/** The instants at which the queries are asked: `count` of them, `lengthMs` apart, the last at `endSeconds`; each sees the `lengthMs` before it. */
export interface Windows {
  readonly endSeconds: number;
  readonly lengthMs: number;
  readonly count: number;
}

export interface TimeRange {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

const dayMs = 86_400_000;
/** Most points that Prometheus gives for a series (web/api/v1: "exceeded maximum resolution of 11,000 points"). */
const mostPoints = 11_000;

/** Ranges of whole days between are divided at midnights. */
const shortestDividedMs = 2 * dayMs;
const longestDividedMs = 1_000 * dayMs;

/**
 * Without a time range (or with an empty one): one window of the measurement duration, at its end or now. Else windows that cover the range, none of
 * which overlaps another, so no sample is read twice, and none of which reaches before the start; parts of one length each, in the order of time.
 */
export function planWindows(measurementSeconds: number, nowSeconds: number, timeRange?: TimeRange): Windows[] {
  const rangeMs = timeRange ? Math.round((timeRange.endSeconds - timeRange.startSeconds) * 1000) : 0;
  if (rangeMs > shortestDividedMs && rangeMs <= longestDividedMs) return divideAtMidnights(timeRange!);
  if (rangeMs > 0) return [divideRange(timeRange!.endSeconds, rangeMs)];
  return [{ endSeconds: timeRange?.endSeconds ?? nowSeconds, lengthMs: measurementSeconds * 1000, count: 1 }];
}

/** The length of the window that ends at an instant, in ms; undefined where none does. */
export function lengthAt(parts: readonly Windows[], seconds: number): number | undefined {
  return parts.find(({ endSeconds, lengthMs, count }) => {
    const windows = ((endSeconds - seconds) * 1000) / lengthMs;
    return Math.abs(windows - Math.round(windows)) < 1e-6 && Math.round(windows) >= 0 && Math.round(windows) < count;
  })?.lengthMs;
}

/** Whether the windows are days, from midnight to midnight UTC: the same in every job whose range holds them. */
export function areDays({ endSeconds, lengthMs }: Windows): boolean {
  return lengthMs === dayMs && (endSeconds * 1000) % dayMs === 0;
}

/** Windows of `lengthMs` that reach back from the end of a window of `coarseMs`. */
export function planFinerWindows(endSeconds: number, coarseMs: number, lengthMs: number): Windows {
  return { endSeconds, lengthMs, count: Math.ceil(coarseMs / lengthMs) };
}

/** The first instant. */
export function startOf({ endSeconds, lengthMs, count }: Windows): number {
  return (endSeconds * 1000 - (count - 1) * lengthMs) / 1000;
}

/** PromQL's way to write the length. */
export function durationText(lengthMs: number): string {
  return lengthMs % 1000 === 0 ? `${lengthMs / 1000}s` : `${lengthMs}ms`;
}

/** What is before the first midnight UTC, the whole days, what is after the last midnight: the days are the same in the next job. */
function divideAtMidnights({ startSeconds, endSeconds }: TimeRange): Windows[] {
  const [startMs, endMs] = [Math.round(startSeconds * 1000), Math.round(endSeconds * 1000)];
  const firstMidnight = Math.ceil(startMs / dayMs) * dayMs;
  const lastMidnight = Math.floor(endMs / dayMs) * dayMs;
  const parts = [
    { endSeconds: firstMidnight / 1000, lengthMs: firstMidnight - startMs, count: 1 },
    { endSeconds: lastMidnight / 1000, lengthMs: dayMs, count: (lastMidnight - firstMidnight) / dayMs },
    { endSeconds: endMs / 1000, lengthMs: endMs - lastMidnight, count: 1 },
  ];
  return parts.filter(({ lengthMs }) => lengthMs > 0);
}

/**
 * The fewest windows of at most a day that divide the range exactly. A range of odd milliseconds may have no such number: then the first of few windows
 * starts some milliseconds late.
 */
function divideRange(endSeconds: number, rangeMs: number): Windows {
  const fewest = Math.min(mostPoints, Math.ceil(rangeMs / dayMs));
  let count = fewest;
  while (rangeMs % count !== 0 && count < mostPoints) count++;
  if (rangeMs % count !== 0) count = fewest;
  return { endSeconds, lengthMs: Math.floor(rangeMs / count), count };
}
