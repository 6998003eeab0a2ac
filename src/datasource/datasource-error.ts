import type { Datasource } from './datasource.js';

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

/** How a failed answer is to be understood; statuses that are not listed go by their hundred. */
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
 * What datasources say when a query touches more than they allow: the status alone does not tell.
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

/** What an answer with this status (not 2xx) means; `text` = the beginning of its body. */
export function failureOfStatus(status: number, text: string): DatasourceFailure {
  const known = failureOfStatusCode[status];
  if (known === 'refused-credentials' || known === 'too-many-requests') return known;
  if (limitTexts.some((limit) => limit.test(text))) return 'too-large';
  if (known) return known;
  if (status >= 500) return 'unavailable';
  return 'not-json';
}

/** Codes of Node's errors that are no trouble of the connection. */
const failureOfErrorCode: Readonly<Record<string, DatasourceFailure>> = {
  ETIMEDOUT: 'timeout',
  Z_DATA_ERROR: 'not-json',
};

/** What an error of the connection or of reading the body means, by Node's error code. */
export function failureOfCode(code: string): DatasourceFailure {
  return failureOfErrorCode[code] ?? (code.startsWith('HPE_') ? 'not-json' : 'unreachable');
}

/** What happened and what to do about it, by failure. */
const sentences: Readonly<Record<DatasourceFailure, (said: string) => string>> = {
  unreachable: (said) => `cannot be reached (${said}). Check that it runs, its url, DNS and certificates.`,
  timeout: (said) => `gave no whole answer in time (${said}). Check its load, or raise DATASOURCE_TIMEOUT_MS.`,
  unavailable: (said) => `is not available (${said}). Check its state and log.`,
  'too-many-requests': (said) => `asks for fewer requests (${said}). Lower DATASOURCE_CONCURRENCY or raise its limit.`,
  'refused-credentials': (said) => `refused the credentials (${said}). Check the authentication of its entry.`,
  'refused-query': (said) => `refused the query (${said}). Check the profile's queries and the filter.`,
  'too-large': (said) => `would answer more than is allowed (${said}). Ask for less, or raise the limit.`,
  'not-json': (said) => `did not answer as Prometheus does (${said}). Check its url.`,
  malformed: (said) => `answered with broken data (${said}). Check what lies between us and it, or set its usage_reader to promql.`,
  cancelled: () => 'was no longer asked: the caller cancelled.',
};

/** One sentence or two: what was asked of whom, what came of it, what to do. `said` = what the server or the connection said. */
export function describeFailure(failure: DatasourceFailure, datasource: Datasource, path: string, said: string): string {
  return `Datasource ${datasource.name}, asked at ${datasource.url}${path}, ${sentences[failure](said)}`;
}
