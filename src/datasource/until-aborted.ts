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
