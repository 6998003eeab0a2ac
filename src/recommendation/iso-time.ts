const written = new Map<number, string>();
const mostWritten = 1_000;

/** Unix milliseconds as ISO-8601 in UTC. Kept for the next container, whose terms and bins end at the same instants. */
export function isoTime(milliseconds: number): string {
  const known = written.get(milliseconds);
  if (known !== undefined) return known;
  if (written.size >= mostWritten) written.clear();
  const text = new Date(milliseconds).toISOString();
  written.set(milliseconds, text);
  return text;
}
