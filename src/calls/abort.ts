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

/** A controller that aborts when the caller's signal does, until `release` is called. Not AbortSignal.any: in Node 20 it leaks memory on a signal that lives as long as a job. */
function follow(caller?: AbortSignal) {
  const controller = new AbortController();
  const stop = () => controller.abort(caller?.reason);
  if (caller?.aborted) stop();
  caller?.addEventListener('abort', stop, { once: true });
  return { controller, release: () => caller?.removeEventListener('abort', stop) };
}

/** A signal that fires when the caller's signal fires or the time is up; `isTimeUp` tells which. Call `release` to free timer and listener. */
export function stopAfter(timeoutMs: number, caller?: AbortSignal) {
  const { controller, release } = follow(caller);
  let isTimeUp = false;
  const timer = setTimeout(() => {
    isTimeUp = true;
    controller.abort();
  }, timeoutMs);
  return {
    signal: controller.signal,
    isTimeUp: () => isTimeUp,
    release: () => {
      clearTimeout(timer);
      release();
    },
  };
}

/** Starts all tasks at once and returns their results. When one fails or the caller's signal fires, stops the others and rejects with that error. */
export async function runTogether<T extends readonly unknown[]>(
  tasks: readonly [...{ [K in keyof T]: (signal: AbortSignal) => Promise<T[K]> }],
  caller?: AbortSignal,
): Promise<T> {
  const { controller, release } = follow(caller);
  // Each task may add a listener; more than ten are not a leak here.
  setMaxListeners(0, controller.signal);
  try {
    return (await Promise.all(tasks.map((task) => task(controller.signal)))) as unknown as T;
  } catch (error) {
    controller.abort(error);
    throw error;
  } finally {
    release();
  }
}
