import { setTimeout as sleep } from 'node:timers/promises';

/** Polls every `everyMs` until `isSo` returns true. A rejection counts as "not yet"; the last one is the cause of the timeout error. */
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
    if (Date.now() > endMs) throw new Error(`timeout after ${timeoutMs / 1000} s: waited until ${what}`, { cause });
    await sleep(everyMs);
  }
}
