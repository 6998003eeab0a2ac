const startMs = Date.now();

/** Logs a step with the seconds since the start to stderr; stdout is for results. */
export function logStep(text: string): void {
  console.error(`[${((Date.now() - startMs) / 1000).toFixed(1).padStart(6)} s] ${text}`);
}
