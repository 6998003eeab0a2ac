const daySeconds = 86_400;
const stepSeconds = 900;

/** A fixed time on the 15-minute grid: generated data do not depend on the clock, so they can be reused. */
export const endSeconds = 1_795_176_000;

/** A job over 15 days that ends this many quarter hours after the first. */
export function jobAfter(quarterHours: number, more: object = {}): object {
  const end = endSeconds + quarterHours * stepSeconds;
  return { time_range: { start: timeOf(end - 15 * daySeconds), end: timeOf(end) }, ...more };
}

/**
 * A job of the same size whose cached data no other job can use: its windows are shifted by half a step, and its discovery sends other
 * queries.
 */
export function warmUpJob(quarterHours: number, more: object = {}): object {
  return jobAfter(quarterHours - 0.5, { filter: { exclude: { namespace: ['warm-up'] } }, ...more });
}

/** Rounds of measurements. Their windows are shifted by a third of a step, so that no round uses another's. */
export const rounds = [0, 1, 2];

/** A job of one round. It can use no cached data of other rounds or of the warm-up. */
export function jobOfRound(round: number, quarterHours: number): object {
  return jobAfter(quarterHours + round / rounds.length, round === 0 ? {} : { filter: { exclude: { namespace: [`round-${round}`] } } });
}

/** A job over one namespace and one day. */
export function smallJob(namespace: string): object {
  const end = endSeconds - daySeconds;
  const time_range = { start: timeOf(end - daySeconds), end: timeOf(end) };
  return { time_range, filter: { include: { namespace: [namespace] } }, term_settings: { terms: ['short'] } };
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
