import { setTimeout as delay } from 'node:timers/promises';
import { DatasourceError } from '../datasource/datasource-error.js';

const firstBackOffMs = 200;
const longestBackOffMs = 10_000;

/**
 * Repeats an attempt while it fails with a transient DatasourceError, with exponential back-off and jitter, for `budgetMs` from its first failure
 * (not from its start: attempts may have waited long for their turn). A Retry-After is waited for; one longer than what is left ends it at once.
 */
export async function retryTransient<T>(attempt: () => Promise<T>, budgetMs: number, signal?: AbortSignal): Promise<T> {
  let deadlineMs: number | undefined;
  for (let backOffMs = firstBackOffMs; ; backOffMs = Math.min(2 * backOffMs, longestBackOffMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof DatasourceError) || !error.isTransient) throw error;
      deadlineMs ??= performance.now() + budgetMs;
      const leftMs = deadlineMs - performance.now();
      const askedMs = error.retryAfterMs ?? 0;
      if (leftMs <= 0 || askedMs >= leftMs) throw error;
      const jitteredMs = backOffMs * (0.5 + Math.random());
      await delay(Math.min(Math.max(askedMs, jitteredMs), leftMs), undefined, { signal });
    }
  }
}

/** Milliseconds that a Retry-After header asks to wait (RFC 9110, 10.2.3: seconds or a date); 0 without a readable one. */
export function readRetryAfterMs(header: unknown, nowMs: number): number {
  if (typeof header !== 'string') return 0;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? 0 : Math.max(0, atMs - nowMs);
}
