import type { DatasourceFailure } from './datasource-error.js';

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

/** Milliseconds that a Retry-After header asks for: seconds or a date (RFC 9110 10.2.3). */
export function readRetryAfter(header: unknown, nowMs: number): number | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const until = Date.parse(header);
  return Number.isNaN(until) ? undefined : Math.max(0, until - nowMs);
}
