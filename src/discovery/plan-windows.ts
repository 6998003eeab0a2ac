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

/** Without a time range (or with an empty one): one window of the measurement duration, at its end or now. Else windows that cover the range. */
export function planWindows(measurementSeconds: number, nowSeconds: number, timeRange?: TimeRange): Windows {
  const rangeMs = timeRange ? Math.round((timeRange.endSeconds - timeRange.startSeconds) * 1000) : 0;
  if (rangeMs > 0 && timeRange) return divideRange(timeRange.endSeconds, rangeMs);
  return { endSeconds: timeRange?.endSeconds ?? nowSeconds, lengthMs: measurementSeconds * 1000, count: 1 };
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

/**
 * The fewest windows of at most a day that divide the range exactly: none overlaps another, so no sample is read twice, and none reaches before the start.
 * A range of odd milliseconds may have no such number: then the first of few windows starts some milliseconds late.
 */
function divideRange(endSeconds: number, rangeMs: number): Windows {
  const fewest = Math.min(mostPoints, Math.ceil(rangeMs / dayMs));
  let count = fewest;
  while (rangeMs % count !== 0 && count < mostPoints) count++;
  if (rangeMs % count !== 0) count = fewest;
  return { endSeconds, lengthMs: Math.floor(rangeMs / count), count };
}
