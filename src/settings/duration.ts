const daySeconds = 86_400;

const units = [
  { names: ['s', 'sec', 'secs', 'second', 'seconds'], seconds: 1 },
  { names: ['m', 'min', 'mins', 'minute', 'minutes'], seconds: 60 },
  { names: ['h', 'hr', 'hrs', 'hour', 'hours'], seconds: 3600 },
  { names: ['d', 'day', 'days'], seconds: daySeconds },
];

/** Returns the seconds of a duration such as `15min`, `1h`, `1h30m` or `2d`; undefined if the text is not a duration. */
export function readDuration(text: string): number | undefined {
  const compact = text.trim().toLowerCase().replaceAll(/\s+/g, '');
  if (!/^(\d+[a-z]+)+$/.test(compact)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of compact.matchAll(/(\d+)([a-z]+)/g)) {
    const found = units.find(({ names }) => names.includes(unit!));
    if (!found) return undefined;
    seconds += Number(count) * found.seconds;
  }
  return Number.isSafeInteger(seconds) ? seconds : undefined;
}

/** Returns why a measurement duration is invalid; undefined if it is valid. It must divide a day and be from 2 minutes (about 11,000 points in 15 days) to 1 day. */
export function measurementFault(text: string): string | undefined {
  const seconds = readDuration(text);
  if (seconds === undefined) return `"${text}" is not a duration; write it like 15min, 1h or 1h30m`;
  if (seconds < 120 || seconds > daySeconds) return `"${text}" is not between 2min and 1d`;
  if (seconds % 60 !== 0 || daySeconds % seconds !== 0)
    return `"${text}" does not divide a day evenly in whole minutes; use a duration such as 5min, 15min or 1h`;
  return undefined;
}

/** Returns why a deadline is invalid; undefined if it is valid. */
export function deadlineFault(text: string): string | undefined {
  const seconds = readDuration(text);
  if (seconds === undefined) return `"${text}" is not a duration; write it like 30min or 2h`;
  if (seconds === 0 || seconds > 365 * daySeconds) return `"${text}" is not longer than 0 and at most 365d`;
  return undefined;
}
