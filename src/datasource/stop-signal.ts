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
