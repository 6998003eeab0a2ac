import { type BulkJobStatus, bulkJobStatuses } from './bulk-job.entity.js';
import { cursorAfter, readCursor, readLimit } from './read-view.js';
import { RestError } from './rest-error.js';

/** Which jobs a GET /bulk/jobs asks for, latest first. */
export interface JobListQuery {
  readonly limit: number;
  readonly status?: BulkJobStatus;
  /** The last job of the page before. */
  readonly after?: { readonly startedAt: Date; readonly id: string };
}

const defaultLimit = 100;

/** Reads the query parameters of GET /bulk/jobs. Throws a 400 that names the faulty one. */
export function readJobList(query: Readonly<Record<string, unknown>>): JobListQuery {
  const { status, limit, cursor } = query;
  if (status !== undefined && !bulkJobStatuses.includes(status as BulkJobStatus)) {
    throw new RestError(400, `"${status}" is not one of ${bulkJobStatuses.join(', ')} (field: status)`);
  }
  return {
    limit: limit === undefined ? defaultLimit : readLimit(String(limit)),
    status: status as BulkJobStatus | undefined,
    after: cursor === undefined ? undefined : readJobCursor(String(cursor)),
  };
}

/** The cursor that stands for "started before this job". */
export function jobCursor({ startedAt, id }: { startedAt: Date; id: string }): string {
  return cursorAfter(`${startedAt.toISOString()} ${id}`);
}

function readJobCursor(cursor: string): JobListQuery['after'] {
  const [time, id] = readCursor(cursor).split(' ');
  const startedAt = new Date(time);
  if (Number.isNaN(startedAt.getTime()) || !/^[0-9a-f-]{36}$/.test(id ?? '')) {
    throw new RestError(400, `"${cursor}" is not a cursor that GET /bulk/jobs gave (field: cursor)`);
  }
  return { startedAt, id };
}
