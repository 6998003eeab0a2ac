import { z } from 'zod';
import { type BulkJobStatus, bulkJobStatuses } from './bulk-job.entity.js';
import { cursorAfter, cursorParameter, limitParameter, readQuery, shown } from './read-query.js';

/** Which jobs a GET /bulk/jobs asks for, latest first. */
export interface JobListQuery {
  readonly limit: number;
  readonly status?: BulkJobStatus;
  /** The last job of the page before. */
  readonly after?: { readonly startedAt: Date; readonly id: string };
}

const defaultLimit = 100;

/** The start and the id of the last job of a page. Years have four digits here: JavaScript knows later ones, which PostgreSQL refuses. */
const cursorSchema = z.tuple([z.iso.datetime(), z.guid()]);

const listSchema = z.object({
  status: z.enum(bulkJobStatuses, { error: ({ input }) => `${shown(input)} is not one of ${bulkJobStatuses.join(', ')}` }).optional(),
  limit: limitParameter.optional(),
  cursor: cursorParameter
    .transform((name, context) => {
      const { data } = cursorSchema.safeParse(name.split(' '));
      if (data) return { startedAt: new Date(data[0]), id: data[1] };
      context.addIssue({ code: 'custom', message: 'expected a cursor that GET /bulk/jobs gave' });
      return z.NEVER;
    })
    .optional(),
});

/** Reads the query parameters of GET /bulk/jobs. Throws a 400 that names the faulty ones. */
export function readJobList(query: Readonly<Record<string, unknown>>): JobListQuery {
  const { status, limit = defaultLimit, cursor } = readQuery(listSchema, query);
  return { limit, status, after: cursor };
}

/** The cursor that stands for "started before this job". */
export function jobCursor({ startedAt, id }: { startedAt: Date; id: string }): string {
  return cursorAfter(`${startedAt.toISOString()} ${id}`);
}
