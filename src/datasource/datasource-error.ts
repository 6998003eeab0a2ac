/** Ways in which a datasource fails, with what is told to users and whether asking again may help. */
export const datasourceFailures = {
  unreachable: { code: 503, transient: true },
  timeout: { code: 504, transient: true },
  unavailable: { code: 503, transient: true },
  'too-many-requests': { code: 429, transient: true },
  'refused-credentials': { code: 401, transient: false },
  'refused-query': { code: 422, transient: false },
  /** More samples, points or bytes than the datasource or we allow; asking for less may help. */
  'too-large': { code: 422, transient: false },
  'not-json': { code: 502, transient: false },
  /** Binary data that break their own rules: checksums, lengths, times. */
  malformed: { code: 502, transient: false },
  cancelled: { code: 499, transient: false },
} as const satisfies Record<string, { code: number; transient: boolean }>;
export type DatasourceFailure = keyof typeof datasourceFailures;

/** A datasource did not answer as asked. The message says what was asked of whom and what to do. */
export class DatasourceError extends Error {
  constructor(
    readonly failure: DatasourceFailure,
    message: string,
    options?: { cause?: unknown; retryAfterMs?: number },
  ) {
    super(message, { cause: options?.cause });
    this.name = 'DatasourceError';
    this.retryAfterMs = options?.retryAfterMs;
  }

  readonly retryAfterMs?: number;

  /** HTTP-like code of notifications: 401, 422, 429, 502, 503, 504. */
  get code(): number {
    return datasourceFailures[this.failure].code;
  }

  get isTransient(): boolean {
    return datasourceFailures[this.failure].transient;
  }
}
