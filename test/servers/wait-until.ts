import { setTimeout as sleep } from 'node:timers/promises';

/** Asks every `everyMs` until the answer is true. An answer that rejects counts as "not yet"; its error is the cause when time runs out. */
export async function waitUntil(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  { timeoutMs = 60_000, everyMs = 50 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      if (await isSo()) return;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > endMs) throw new Error(`waited ${timeoutMs / 1000} s in vain until ${what}`, { cause });
    await sleep(everyMs);
  }
}
