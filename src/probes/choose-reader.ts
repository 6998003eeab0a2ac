import type { UsageReaderName } from '../datasource/datasource.js';
import type { DatasourceFailure } from '../datasource/datasource-error.js';

/** Which reader a datasource's usage is read with, and why: a sentence for people. */
export interface ReaderChoice {
  readonly used: 'chunks' | 'promql';
  readonly reason: string;
}

/** What came of a small remote read; `undefined` = it was answered with chunks. */
export type RemoteReadFailure = { readonly failure: DatasourceFailure; readonly message: string } | undefined;

/** Chooses the reader: what the datasource's entry says, else chunks where remote read gives them. */
export function chooseReader(configured: UsageReaderName, failure: RemoteReadFailure): ReaderChoice {
  if (configured !== 'auto') return { used: configured, reason: `its entry says usage_reader: ${configured}` };
  if (!failure) return { used: 'chunks', reason: 'remote read answers with chunks' };
  return { used: 'promql', reason: `no chunks by remote read: ${failure.message}` };
}

/** Failures that say nothing about remote read: the datasource as a whole is not there or does not want to be asked. */
const failuresOfTheWhole: readonly DatasourceFailure[] = ['unreachable', 'timeout', 'too-many-requests', 'cancelled'];

/** Whether a failed remote read tells that the datasource has none for us, so that PromQL may still be answered. */
export function tellsNoRemoteRead(failure: DatasourceFailure): boolean {
  return !failuresOfTheWhole.includes(failure);
}

/** Ways in which chunks that were promised do not come; PromQL may still answer. */
const brokenPromises: readonly DatasourceFailure[] = ['malformed', 'not-json', 'refused-query', 'refused-credentials'];

/** Whether a failed remote read tells that a datasource does not give the chunks that its probe promised. */
export function breaksPromise(failure: DatasourceFailure): boolean {
  return brokenPromises.includes(failure);
}
