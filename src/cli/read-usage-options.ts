/** Options of `rightsizer usage`, as they were given. */
export interface UsageOptions {
  readonly datasourceUrl?: string;
  readonly datasource?: string;
  /** ISO-8601, with Z or an offset. */
  readonly end?: string;
  readonly days?: string;
  /** Minutes. */
  readonly step?: string;
  readonly metricProfile?: string;
  readonly output?: string;
}

/** Which usage is read. */
export interface UsageWindow {
  readonly endSeconds: number;
  readonly isEndGiven: boolean;
  readonly days: number;
  readonly stepMinutes: number;
  readonly metricProfile: string;
}

const defaultProfile = 'resource-optimization-local-monitoring';

/**
 * The window that the options ask for; throws for what is no time or no number. `isAligned` (the setting ALIGN_END): now is floored to a step, as a job
 * does it; a given end is taken as it is.
 */
export function readUsageOptions(
  { end, days = '15', step = '15', metricProfile = defaultProfile }: UsageOptions,
  now: Date,
  isAligned: boolean,
): UsageWindow {
  // Without an offset it would be the time of whatever machine this runs on.
  const hasOffset = end === undefined || /T.*(Z|[+-]\d{2}:?\d{2})$/i.test(end);
  const endMs = end === undefined ? now.getTime() : Date.parse(end);
  if (Number.isNaN(endMs) || !hasOffset) {
    throw new Error(`--end ${end}: expected an ISO-8601 time with Z or an offset, such as 2026-01-31T12:00:00Z`);
  }
  const endSeconds = Math.floor(endMs / 1000);
  const isStep = (minutes: number) => Number.isInteger(minutes) && minutes >= 2 && minutes <= 1440;
  const stepMinutes = numberIn('--step', step, 'a whole number of minutes from 2 to 1440', isStep);
  return {
    endSeconds: end === undefined && isAligned ? endSeconds - (endSeconds % (stepMinutes * 60)) : endSeconds,
    isEndGiven: end !== undefined,
    days: numberIn('--days', days, 'a number above 0, at most 365', (number) => number > 0 && number <= 365),
    stepMinutes,
    metricProfile,
  };
}

function numberIn(option: string, text: string, rule: string, holds: (number: number) => boolean): number {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isNaN(number) || !holds(number)) throw new Error(`${option} ${text}: expected ${rule}`);
  return number;
}
