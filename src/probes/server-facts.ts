import type { Grid } from '../remote-read/series-windows.js';

/** How a datasource evaluates what it is asked, so that others can compute the same from its samples. */
export interface ServerFacts extends Pick<Grid, 'boundary' | 'extrapolation'> {
  /** Step of subqueries that name none: its evaluation interval. */
  readonly evaluationMs: number;
}

/** The last full hour: what factsQuery is asked at. */
export function factsInstant(nowMs: number): number {
  return Math.floor(nowMs / 3_600_000) * 3_600;
}

/**
 * One query that shows how a server evaluates, by what it does rather than by its version, which Mimir and others count in their own way.
 * `boundary`: how many steps a window of one step holds. `steps`: how many an hour has. `extrapolation`: the increase of a counter that begins at 40,
 * grows by 1 a second and has its first sample in the middle of the window. Its answer goes to readServerFacts.
 */
export function factsQuery(instantSeconds: number): string {
  const counter = `(vector(time()) - ${instantSeconds - 340}) >= 40`;
  return [
    'label_replace(count_over_time(vector(1)[1m:1m]), "fact", "boundary", "", "")',
    'label_replace(count_over_time(vector(1)[1h:]), "fact", "steps", "", "")',
    `label_replace(increase((${counter})[10m:1m]), "fact", "extrapolation", "", "")`,
  ].join(' or ');
}

interface FactSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly (readonly [number, string])[];
}

/**
 * Before Prometheus 3 a window's start belongs to it, so that one step holds two instants. The counter above is drawn out to the point where it would
 * be zero, 40 s before its first sample (before Prometheus 2.52: 340 in all), or by half a step (330). Evaluation intervals are whole seconds. What
 * the answer lacks is taken as Prometheus has it by default, in the version that the server tells.
 */
export function readServerFacts(series: readonly FactSeries[], version = '2'): ServerFacts {
  const factOf = (fact: string) => Number(series.find(({ labels }) => labels.fact === fact)?.samples[0]?.[1]);
  const inOneStep = factOf('boundary');
  const isClosed = Number.isNaN(inOneStep) ? Number.parseInt(version, 10) < 3 : inOneStep > 1;
  const stepsAnHour = factOf('steps') - (isClosed ? 1 : 0);
  const increase = factOf('extrapolation');
  return {
    boundary: isClosed ? 'closed' : 'left-open',
    ...(increase > 0 && { extrapolation: increase > 335 ? 'zero-first' : 'threshold-first' }),
    evaluationMs: stepsAnHour > 0 ? Math.max(1, Math.round(3_600 / stepsAnHour)) * 1_000 : 60_000,
  };
}
