import type { Datasource } from './datasource.js';

/** Failures of a datasource: the code in notifications, and whether a retry may succeed. */
export const datasourceFailures = {
  unreachable: { code: 503, transient: true },
  timeout: { code: 504, transient: true },
  unavailable: { code: 503, transient: true },
  'too-many-requests': { code: 429, transient: true },
  'refused-credentials': { code: 401, transient: false },
  'refused-query': { code: 422, transient: false },
  /** More samples, points or bytes than the datasource or this client allows; a smaller request may succeed. */
  'too-large': { code: 422, transient: false },
  'not-json': { code: 502, transient: false },
  /** Invalid binary data: wrong checksums, lengths or times. */
  malformed: { code: 502, transient: false },
  cancelled: { code: 499, transient: false },
} as const satisfies Record<string, { code: number; transient: boolean }>;
export type DatasourceFailure = keyof typeof datasourceFailures;

/** A failed request to a datasource. The message names the datasource and the URL, the failure, and what to do. */
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

/** Failure of each status; other statuses are classified by `failureOfStatus`. */
const failureOfStatusCode: Readonly<Record<number, DatasourceFailure>> = {
  400: 'refused-query',
  401: 'refused-credentials',
  403: 'refused-credentials',
  407: 'refused-credentials',
  408: 'timeout',
  413: 'too-large',
  422: 'refused-query',
  429: 'too-many-requests',
  504: 'timeout',
};

/**
 * Error texts of datasources for queries that exceed a limit; the status alone does not show it.
 * Prometheus: promql/engine.go, web/api/v1/api.go; VictoriaMetrics: app/vmselect; Mimir and Cortex: error ids err-mimir-max-*; Thanos: pkg/store limiters.
 */
const limitTexts = [
  /too many samples/i,
  /exceeded maximum resolution/i,
  /cannot select more than/i,
  /number of matching timeseries exceeds/i,
  /too many points for the given step/i,
  /not enough memory for processing/i,
  /err-mimir-max-(?!.*query-length)/i,
  /exceeded the maximum number of (chunks|series)/i,
  /exceeded (the )?(aggregated )?(series|chunks?|samples?|bytes|response)( size)? limit/i,
  /limit (of )?.*(series|chunks?|samples?|bytes).* (exceeded|violated)/i,
];

/** Classifies a response by its status (not 2xx) and the beginning of its body. */
export function failureOfStatus(status: number, text: string): DatasourceFailure {
  const byStatus = failureOfStatusCode[status];
  if (byStatus === 'refused-credentials' || byStatus === 'too-many-requests') return byStatus;
  if (limitTexts.some((limit) => limit.test(text))) return 'too-large';
  if (byStatus) return byStatus;
  if (status >= 500) return 'unavailable';
  return 'not-json';
}

/** Node's error codes that do not mean an unreachable server. */
const failureOfErrorCode: Readonly<Record<string, DatasourceFailure>> = {
  ETIMEDOUT: 'timeout',
  Z_DATA_ERROR: 'not-json',
};

/** Classifies an error of the connection or of reading the body by Node's error code. */
export function failureOfCode(code: string): DatasourceFailure {
  return failureOfErrorCode[code] ?? (code.startsWith('HPE_') ? 'not-json' : 'unreachable');
}

/** What failed, why, and what to do, by failure. */
const sentences: Readonly<Record<DatasourceFailure, (reason: string) => string>> = {
  unreachable: (reason) => `cannot be reached (${reason}). Check that it runs, its url, DNS and certificates.`,
  timeout: (reason) => `did not send a complete response in time (${reason}). Check its load, or raise DATASOURCE_TIMEOUT_MS.`,
  unavailable: (reason) => `is not available (${reason}). Check its state and log.`,
  'too-many-requests': (reason) => `rejected too many requests (${reason}). Lower DATASOURCE_CONCURRENCY or raise its limit.`,
  'refused-credentials': (reason) => `rejected the credentials (${reason}). Check the authentication of its entry.`,
  'refused-query': (reason) => `rejected the query (${reason}). Check the profile's queries and the filter.`,
  'too-large': (reason) => `would return more data than allowed (${reason}). Narrow the filter, or raise the limit.`,
  'not-json': (reason) => `did not send a response of Prometheus' API (${reason}). Check its url.`,
  malformed: (reason) => `sent malformed data (${reason}). Check proxies in front of it, or set its usage_reader to promql.`,
  cancelled: () => 'did not finish: the caller cancelled the request.',
};

/** Creates the error of a request to `path` of the datasource. `reason` comes from the server or the connection. */
export function failed(
  failure: DatasourceFailure,
  { name, url }: Datasource,
  path: string,
  reason = '',
  options: { cause?: unknown; retryAfterMs?: number } = {},
): DatasourceError {
  return new DatasourceError(failure, `Datasource ${name} at ${url}${path} ${sentences[failure](reason)}`, options);
}
