import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { z } from 'zod';
import type { JobReader } from '../bulk/job-reader.js';
import { type BulkJobEntity, bulkJobStatuses, JobListQuery } from '../bulk/job-rows.js';
import { isStorable } from '../database/database-error.js';
import { isSelected, parseSelection, renderJson, type Section, type Selection, sections, selectFields } from '../experiments/documents.js';
import type { ExperimentDocument } from '../experiments/experiment.js';
import { describeFaults, RejectedRequest } from '../sizing/bulk-request.js';

const maxPerPage = 10_000;

/** A text parameter. A repeated one is joined to a list. Rejects objects (`a[b]=c`) and U+0000, which PostgreSQL does not accept. */
export const textParameter = z
  .union([z.string(), z.array(z.string()).transform((texts) => texts.join(','))], { error: 'expected text' })
  .refine(isStorable, { error: 'expected text without U+0000' });

/** The page size. */
export const limitParameter = z.unknown().transform((value, context) => {
  const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (count >= 1 && count <= maxPerPage) return count;
  context.addIssue({ code: 'custom', message: `${shown(value)} is not a whole number from 1 to ${maxPerPage}` });
  return z.NEVER;
});

/** A cursor, decoded to the name after which the page begins. */
export const cursorParameter = z.string({ error: 'expected a cursor from a previous response' }).transform((cursor, context) => {
  const name = Buffer.from(cursor, 'base64url').toString('utf8');
  if (cursorAfter(name) === cursor && isStorable(name)) return name;
  context.addIssue({ code: 'custom', message: `${shown(cursor)} is not a cursor from a previous response` });
  return z.NEVER;
});

/** Returns the cursor of the page that begins after this name. */
export function cursorAfter(name: string): string {
  return Buffer.from(name).toString('base64url');
}

/** Reads query parameters; ignores unknown ones, as Kruize does. Throws a 400 that names the invalid ones. */
export function readQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  const read = schema.safeParse(query);
  if (read.success) return read.data;
  throw new RejectedRequest(400, describeFaults(read.error.issues.map(({ path, message }) => ({ field: String(path[0]), message }))));
}

/** Shortens a value for an error message. */
export function shown(value: unknown): string {
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 100) : value)?.slice(0, 110) ?? 'nothing';
}

/** Which parts of a job a GET /bulk requests. */
export interface JobView {
  readonly selection: Selection;
  /** Exact name of the requested experiment. */
  readonly experimentName?: string;
  /** At most `limit` experiments, ordered by name, starting after `after`. */
  readonly page?: { readonly limit: number; readonly after: string };
}

const viewSchema = z.object({
  include: textParameter.optional(),
  exclude: textParameter.optional(),
  verbose: textParameter.optional(),
  experiment_name: textParameter.optional(),
  limit: limitParameter.optional(),
  cursor: cursorParameter.optional(),
});

/** Reads the query parameters of GET /bulk. Throws a 400 that names the invalid ones. */
export function readView(query: Readonly<Record<string, unknown>>): JobView {
  const { include, exclude, verbose, experiment_name, limit, cursor } = readQuery(viewSchema, query);
  return {
    selection: parseSelection(include ?? (verbose === 'true' ? sections.join(',') : undefined), exclude),
    experimentName: experiment_name,
    page: limit === undefined ? undefined : { limit, after: cursor ?? '' },
  };
}

const defaultLimit = 100;

/** Start and id of the last job of a page. Only four-digit years: JavaScript has later ones, which PostgreSQL rejects. */
const cursorSchema = z.tuple([z.iso.datetime(), z.guid()]);

const listSchema = z.object({
  status: z.enum(bulkJobStatuses, { error: ({ input }) => `${shown(input)} is not one of ${bulkJobStatuses.join(', ')}` }).optional(),
  limit: limitParameter.optional(),
  cursor: cursorParameter
    .transform((name, context) => {
      const { data } = cursorSchema.safeParse(name.split(' '));
      if (data) return { startedAt: new Date(data[0]), id: data[1] };
      context.addIssue({ code: 'custom', message: 'expected a cursor from a previous response of GET /bulk/jobs' });
      return z.NEVER;
    })
    .optional(),
});

/** Reads the query parameters of GET /bulk/jobs. Throws a 400 that names the invalid ones. */
export function readJobList(query: Readonly<Record<string, unknown>>): JobListQuery {
  const { status, limit = defaultLimit, cursor } = readQuery(listSchema, query);
  return { limit, status, after: cursor };
}

/** Returns the cursor of the page that begins after this job, with jobs that started earlier. */
export function jobCursor({ startedAt, id }: { startedAt: Date; id: string }): string {
  return cursorAfter(`${startedAt.toISOString()} ${id}`);
}

/**
 * Renders the requested parts of a job as parts of JSON text. Reads small sections first, so that a failure there still gets an error response.
 * `nextCursor` is set unless the page is the last one.
 */
export async function renderJob(job: BulkJobEntity, view: JobView, reader: JobReader) {
  const { selection } = view;
  const smallSection = async (section: Section, value: () => Promise<object | undefined>) => {
    const read = isSelected(selection, section) ? await value() : undefined;
    return read && `"${section}":${renderJson(selectFields(selection, section, read))}`;
  };
  const summary = await smallSection('summary', () => reader.summary(job));
  const webhook = await smallSection('webhook', async () => job.webhook ?? undefined);
  const metadata = await smallSection('metadata', () => reader.metadata(job));
  const chosen = isSelected(selection, 'experiments') ? await chooseExperiments(job, view, reader) : undefined;
  const experiments = chosen && renderExperiments(chosen.experiments, selection);
  return { parts: join([summary, experiments, webhook, metadata]), nextCursor: chosen?.nextCursor };
}

type Experiments = AsyncIterable<ExperimentDocument> | Iterable<ExperimentDocument>;
type Chosen = { readonly experiments: Experiments; readonly nextCursor?: string };

async function chooseExperiments(job: BulkJobEntity, view: JobView, reader: JobReader): Promise<Chosen> {
  const fields = view.selection.included.get('experiments');
  const withRecommendations = fields === 'all' || (fields?.has('recommendations') ?? false);
  if (view.experimentName !== undefined) {
    const found = await reader.experiment(job, view.experimentName);
    return { experiments: found ? [found] : [] };
  }
  if (!view.page) return { experiments: reader.experiments(job, { withRecommendations }) };
  const { after, limit } = view.page;
  const names = await reader.names(job, after, limit + 1);
  return {
    experiments: reader.experiments(job, { withRecommendations, after, limit: Math.min(limit, names.length) }),
    nextCursor: names.length > limit ? cursorAfter(names[limit - 1]) : undefined,
  };
}

async function* renderExperiments(experiments: Experiments, selection: Selection): AsyncGenerator<string> {
  yield '"experiments":{';
  let comma = '';
  for await (const experiment of experiments) {
    yield `${comma}${JSON.stringify(experiment.name)}:${renderJson(selectFields(selection, 'experiments', experiment))}`;
    comma = ',';
  }
  yield '}';
}

async function* join(sections: readonly (string | AsyncIterable<string> | undefined)[]): AsyncGenerator<string> {
  yield '{';
  const present = sections.filter((section) => section !== undefined);
  for (const [index, section] of present.entries()) {
    if (index > 0) yield ',';
    if (typeof section === 'string') yield section;
    else yield* section;
  }
  yield '}';
}

/**
 * Streams JSON text as fast as the caller reads it. Rejects before sending anything if the first part fails, so that an error response is still
 * possible. If a later part fails, the connection is cut, so that the response never looks complete.
 */
export async function sendJson(response: Response, parts: AsyncIterable<string> | Iterable<string>): Promise<void> {
  const body = Readable.from(parts);
  await once(body, 'readable');
  // The request got a timeout response while the first part was read.
  if (response.headersSent) {
    body.destroy();
    return;
  }
  response.type('application/json;charset=utf-8');
  await pipeline(body, response).catch((error: NodeJS.ErrnoException) => {
    // The caller has disconnected.
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}
