import type { Datasource } from './datasource.js';
import type { DatasourceFailure } from './datasource-error.js';

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
