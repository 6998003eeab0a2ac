/** Rows `from` (included) to `to` (excluded) of the grid. */
export interface Slice {
  readonly from: number;
  readonly to: number;
}

/** Prometheus refuses more points for one series. */
const mostPoints = 11_000;
/** Estimated samples of one query; Prometheus' own default limit is 50 million at a time. */
const mostSamples = 20_000_000;

/** Cuts the rows into the fewest equal slices that stay within both limits; a single row is never cut. */
export function planSlices(rows: number, samplesPerInstant: number): Slice[] {
  const mostRows = Math.max(1, Math.min(mostPoints, Math.floor(mostSamples / Math.max(1, samplesPerInstant))));
  const count = Math.ceil(rows / mostRows);
  return Array.from({ length: count }, (_, slice) => ({
    from: Math.floor((slice * rows) / count),
    to: Math.floor(((slice + 1) * rows) / count),
  }));
}
