import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { z } from 'zod';
import type { JobReader } from '../bulk/job-reader.js';
import { type BulkJobEntity, bulkJobStatuses, JobListQuery } from '../bulk/job-rows.js';

import { RejectedRequest } from '../bulk/rejected-request.js';
import { isStorable } from '../database/database-error.js';
import { isSelected, parseSelection, renderJson, type Section, type Selection, sections, selectFields } from '../experiments/documents.js';
import type { ExperimentDocument } from '../experiments/experiment.js';
import { describeFaults } from '../sizing/bulk-request.js';

const mostPerPage = 10_000;

/** A parameter's text; one that is given several times is a list. `a[b]=c` gives an object, and no name in the rows holds U+0000. */
export const textParameter = z
  .union([z.string(), z.array(z.string()).transform((texts) => texts.join(','))], { error: 'expected text' })
  .refine(isStorable, { error: 'expected text without U+0000' });

/** The size of a page. */
export const limitParameter = z.unknown().transform((given, context) => {
  const count = typeof given === 'string' && /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (count >= 1 && count <= mostPerPage) return count;
  context.addIssue({ code: 'custom', message: `${shown(given)} is not a whole number from 1 to ${mostPerPage}` });
  return z.NEVER;
});

/** What a cursor stands for: the name after which a page begins. */
export const cursorParameter = z.string({ error: 'expected a cursor that an answer gave' }).transform((cursor, context) => {
  const name = Buffer.from(cursor, 'base64url').toString('utf8');
  if (cursorAfter(name) === cursor && isStorable(name)) return name;
  context.addIssue({ code: 'custom', message: `${shown(cursor)} is not a cursor that an answer gave` });
  return z.NEVER;
});

/** The cursor that stands for "after this name". */
export function cursorAfter(name: string): string {
  return Buffer.from(name).toString('base64url');
}

/** Reads query parameters; unknown ones are ignored, as in the reference. Throws a 400 that names the faulty ones. */
export function readQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  const read = schema.safeParse(query);
  if (read.success) return read.data;
  throw new RejectedRequest(400, describeFaults(read.error.issues.map(({ path, message }) => ({ field: String(path[0]), message }))));
}

/** A value as it may stand in an error. */
export function shown(value: unknown): string {
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 100) : value)?.slice(0, 110) ?? 'nothing';
}

/** What a GET /bulk asks to see of a job. */
export interface JobView {
  readonly selection: Selection;
  /** Exact name of the only experiment wanted. */
  readonly experimentName?: string;
  /** At most so many experiments, those whose names come after `after`. */
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

/** Reads the query parameters of GET /bulk. Throws a 400 that names the faulty ones. */
export function readView(query: Readonly<Record<string, unknown>>): JobView {
  const { include, exclude, verbose, experiment_name, limit, cursor } = readQuery(viewSchema, query);
  return {
    selection: parseSelection(include ?? (verbose === 'true' ? sections.join(',') : undefined), exclude),
    experimentName: experiment_name,
    page: limit === undefined ? undefined : { limit, after: cursor ?? '' },
  };
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

/** A job's document as JSON text, part by part; `nextCursor` where the asked page is not the last. */
export interface RenderedJob {
  readonly parts: AsyncIterable<string> | Iterable<string>;
  readonly nextCursor?: string;
}

/** Renders what a view asks of a job. Small sections are read first, so that their failure still gets an error answer. */
export async function renderJob(job: BulkJobEntity, view: JobView, reader: JobReader): Promise<RenderedJob> {
  const { selection } = view;
  const small = async (section: Section, value: () => Promise<object | undefined>) => {
    const read = isSelected(selection, section) ? await value() : undefined;
    return read && `"${section}":${renderJson(selectFields(selection, section, read))}`;
  };
  const summary = await small('summary', () => reader.summary(job));
  const webhook = await small('webhook', async () => job.webhook ?? undefined);
  const metadata = await small('metadata', () => reader.metadata(job));
  const { experiments, nextCursor } = isSelected(selection, 'experiments')
    ? await chooseExperiments(job, view, reader)
    : { experiments: undefined, nextCursor: undefined };
  return { parts: join(view, { summary, experiments, webhook, metadata }), nextCursor };
}

type Experiments = AsyncIterable<ExperimentDocument> | Iterable<ExperimentDocument>;

async function chooseExperiments(
  job: BulkJobEntity,
  view: JobView,
  reader: JobReader,
): Promise<{ experiments: Experiments; nextCursor?: string }> {
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

async function* join(
  view: JobView,
  parts: { summary?: string; experiments?: Experiments; webhook?: string; metadata?: string },
): AsyncGenerator<string> {
  const { summary, experiments, webhook, metadata } = parts;
  yield '{';
  let comma = '';
  if (summary) {
    yield summary;
    comma = ',';
  }
  if (experiments) {
    yield `${comma}"experiments":{`;
    comma = '';
    for await (const experiment of experiments) {
      yield `${comma}${JSON.stringify(experiment.name)}:${renderJson(selectFields(view.selection, 'experiments', experiment))}`;
      comma = ',';
    }
    yield '}';
    comma = ',';
  }
  for (const part of [webhook, metadata]) {
    if (!part) continue;
    yield comma + part;
    comma = ',';
  }
  yield '}';
}

/**
 * Sends JSON text part by part, as fast as the caller takes it. It rejects where the first part fails, so that there is still an error answer; an answer that
 * fails later is cut, never closed as if it were whole.
 */
export async function sendJson(response: Response, parts: AsyncIterable<string> | Iterable<string>): Promise<void> {
  const body = Readable.from(parts);
  await once(body, 'readable');
  // The request was given up while the first part was read.
  if (response.headersSent) {
    body.destroy();
    return;
  }
  response.type('application/json;charset=utf-8');
  await pipeline(body, response).catch((error: NodeJS.ErrnoException) => {
    // A caller that has gone needs no more.
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}
