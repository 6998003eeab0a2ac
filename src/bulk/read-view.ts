import { z } from 'zod';
import { parseSelection, type Selection, sections } from '../experiments/documents.js';
import { cursorParameter, limitParameter, readQuery, textParameter } from './read-query.js';

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
