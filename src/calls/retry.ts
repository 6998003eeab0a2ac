import { setTimeout as delay } from 'node:timers/promises';

const firstBackOffMs = 200;
const maxBackOffMs = 10_000;

/** Which failures of a call are retried, and for how long. */
export interface RetryRule {
  /** Counts from the first failure, because the first attempt may have queued for a long time. */
  readonly budgetMs: number;
  /** The pause that the server requested (Retry-After, ms), 0 without one; undefined if a retry cannot help. */
  readonly pauseMsOf: (error: unknown) => number | undefined;
}

/**
 * Repeats an attempt with exponential back-off and jitter. Rejects with the last error when the budget is used up or shorter than the pause
 * that the server requested.
 */
export async function retryFor<T>(attempt: () => Promise<T>, { budgetMs, pauseMsOf }: RetryRule, signal?: AbortSignal): Promise<T> {
  let deadlineMs: number | undefined;
  for (let backOffMs = firstBackOffMs; ; backOffMs = Math.min(2 * backOffMs, maxBackOffMs)) {
    try {
      return await attempt();
    } catch (error) {
      const pauseMs = pauseMsOf(error);
      if (pauseMs === undefined) throw error;
      deadlineMs ??= performance.now() + budgetMs;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 || pauseMs >= leftMs) throw error;
      const jitteredMs = backOffMs * (0.5 + Math.random());
      await delay(Math.min(Math.max(pauseMs, jitteredMs), leftMs), undefined, { signal });
    }
  }
}

/** Reads a Retry-After header (RFC 9110, 10.2.3: seconds or a date) as milliseconds; undefined if it is missing or unreadable. */
export function readRetryAfterMs(header: unknown, nowMs: number): number | undefined {
  if (typeof header !== 'string' || header.trim() === '') return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const untilMs = Date.parse(text);
  return Number.isNaN(untilMs) ? undefined : Math.max(0, untilMs - nowMs);
}
