import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { DatasourceError } from './datasource-error.js';

/**
 * Repeats an attempt while it fails with a transient DatasourceError, with exponential back-off and jitter, until `budgetMs` is used up.
 * A Retry-After is waited for; one that is longer than what is left ends the retries at once.
 */
export async function retryTransient<T>(attempt: () => Promise<T>, budgetMs: number, signal?: AbortSignal): Promise<T> {
  const deadlineMs = performance.now() + budgetMs;
  return pRetry(attempt, {
    retries: Number.POSITIVE_INFINITY,
    maxRetryTime: budgetMs,
    minTimeout: 200,
    maxTimeout: 10_000,
    randomize: true,
    signal,
    shouldRetry: ({ error }) => isTransient(error),
    onFailedAttempt: async ({ error }) => {
      if (!isTransient(error) || error.retryAfterMs === undefined) return;
      if (performance.now() + error.retryAfterMs >= deadlineMs) throw error;
      await delay(error.retryAfterMs, undefined, { signal });
    },
  });
}

function isTransient(error: Error): error is DatasourceError {
  return error instanceof DatasourceError && error.isTransient;
}
