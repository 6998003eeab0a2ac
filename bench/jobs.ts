const daySeconds = 86_400;
const stepSeconds = 900;

/** Any time on the 15-minute grid: generated data do not depend on the clock, so that they can be kept. */
export const endSeconds = 1_795_176_000;

/** A job over 15 days, so many quarter hours after the first. */
export function jobAfter(quarterHours: number, more: object = {}): object {
  const end = endSeconds + quarterHours * stepSeconds;
  return { time_range: { start: timeOf(end - 15 * daySeconds), end: timeOf(end) }, ...more };
}

/**
 * A job of the same size that leaves nothing behind which others could use: its windows lie half a step beside theirs, its discovery asks other questions.
 */
export function warmUpJob(quarterHours: number, more: object = {}): object {
  return jobAfter(quarterHours - 0.5, { filter: { exclude: { namespace: ['warm-up'] } }, ...more });
}

/** Rounds of measurements whose windows, a third of a step beside each other's, are not the same. */
export const rounds = [0, 1, 2];

/** The jobs of one round: nothing that another one, or the warm-up, leaves behind is of use to them. */
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
