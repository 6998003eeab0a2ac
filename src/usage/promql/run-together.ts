import { setMaxListeners } from 'node:events';

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
