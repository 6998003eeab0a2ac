/** Milliseconds that a Retry-After header asks to wait (RFC 9110, 10.2.3: seconds or a date); 0 without a readable one. */
export function readRetryAfterMs(header: unknown, nowMs: number): number {
  if (typeof header !== 'string') return 0;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? 0 : Math.max(0, atMs - nowMs);
}
