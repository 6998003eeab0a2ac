import { setMaxListeners } from 'node:events';

/** Settles with the work, or rejects with the signal's reason as soon as the signal fires. Does not stop the work. */
export function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Work that several callers wait for. It is stopped when no caller waits any longer. */
export class SharedWork<T> {
  private readonly controller = new AbortController();
  private waiting = 0;
  readonly result: Promise<T>;

  constructor(start: (signal: AbortSignal) => Promise<T>) {
    this.result = start(this.controller.signal);
    this.result.catch(() => undefined); // Callers of wait() get the error.
  }

  async wait(signal?: AbortSignal): Promise<T> {
    this.waiting++;
    try {
      return await untilAborted(this.result, signal);
    } finally {
      if (--this.waiting === 0) this.controller.abort();
    }
  }
}

/**
 * A signal that fires when the caller's signal fires or the time is up; `isTimeUp` tells which. Call `release` to free timer and listener.
 */
export interface StopSignal {
  readonly signal: AbortSignal;
  readonly isTimeUp: () => boolean;
  readonly release: () => void;
}

/** Starts a StopSignal. Does not use AbortSignal.any: in Node 20 it leaks memory on a signal that lives as long as a job. */
export function stopAfter(timeoutMs: number, caller?: AbortSignal): StopSignal {
  const controller = new AbortController();
  let isTimeUp = false;
  const stop = () => controller.abort(caller?.reason);
  const timer = setTimeout(() => {
    isTimeUp = true;
    controller.abort();
  }, timeoutMs);
  if (caller?.aborted) stop();
  caller?.addEventListener('abort', stop, { once: true });
  return {
    signal: controller.signal,
    isTimeUp: () => isTimeUp,
    release: () => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', stop);
    },
  };
}

/** Work that stops when its signal fires. */
export type Task<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Starts all tasks at once and returns their results. When one fails or the caller's signal fires, stops the others and rejects with that
 * error.
 */
export async function runTogether<T>(tasks: readonly Task<T>[], caller?: AbortSignal): Promise<T[]> {
  const controller = new AbortController();
  // Each task may add a listener; more than ten are not a leak here.
  setMaxListeners(0, controller.signal);
  const stop = () => controller.abort(caller?.reason);
  if (caller?.aborted) stop();
  caller?.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.all(tasks.map((task) => task(controller.signal)));
  } catch (error) {
    controller.abort(error);
    throw error;
  } finally {
    caller?.removeEventListener('abort', stop);
  }
}
