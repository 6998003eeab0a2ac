import { setMaxListeners } from 'node:events';

/** Settles with the work, or rejects with the signal's reason as soon as it fires, though the work goes on. */
export function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Work that several callers wait for: it goes on while one of them waits, and is stopped when none does any more. */
export class SharedWork<T> {
  private readonly controller = new AbortController();
  private waiting = 0;
  readonly result: Promise<T>;

  constructor(start: (signal: AbortSignal) => Promise<T>) {
    this.result = start(this.controller.signal);
    this.result.catch(() => undefined); // whoever waits hears of it
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

/** A signal that fires when its caller's fires or when time is up, and says which. `release` must be called: it frees timer and listener. */
export interface StopSignal {
  readonly signal: AbortSignal;
  readonly isTimeUp: () => boolean;
  readonly release: () => void;
}

/** AbortSignal.any keeps growing on a caller's signal that lives as long as a job (Node 20), so the listener is put and taken by hand. */
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

/** A piece of work that stops when its signal fires. */
export type Task<T> = (signal: AbortSignal) => Promise<T>;

/** Starts all tasks at once; when one fails, or the caller's signal fires, the rest is stopped, and that failure is the result. */
export async function runTogether<T>(tasks: readonly Task<T>[], caller?: AbortSignal): Promise<T[]> {
  const controller = new AbortController();
  // Every task may listen; more than ten are no leak here.
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
