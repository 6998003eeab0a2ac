const startMs = Date.now();

/** Tells a step with the seconds since the start, on stderr: stdout is for results. */
export function tell(text: string): void {
  console.error(`[${((Date.now() - startMs) / 1000).toFixed(1).padStart(6)} s] ${text}`);
}
