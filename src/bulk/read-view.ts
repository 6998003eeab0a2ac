import { parseSelection, type Selection, sections } from '../experiments/select-fields.js';
import { RestError } from './rest-error.js';
import { isStorable } from './text-faults.js';

/** What a GET /bulk asks to see of a job. */
export interface JobView {
  readonly selection: Selection;
  /** Exact name of the only experiment wanted. */
  readonly experimentName?: string;
  /** At most so many experiments, those whose names come after `after`. */
  readonly page?: { readonly limit: number; readonly after: string };
}

const mostPerPage = 10_000;

/** Reads the query parameters of GET /bulk; unknown ones are ignored, as in the reference. Throws a 400 that names the faulty one. */
export function readView(query: Readonly<Record<string, unknown>>): JobView {
  const text = (name: string) => readText(name, query[name]);
  const include = text('include') ?? (text('verbose') === 'true' ? sections.join(',') : undefined);
  return {
    selection: parseSelection(include, text('exclude')),
    experimentName: text('experiment_name'),
    page: readPage(text('limit'), text('cursor')),
  };
}

/** A parameter's text; one that is given several times is a list. `a[b]=c` gives an object, and no name in the rows holds U+0000. */
function readText(name: string, given: unknown): string | undefined {
  const value = Array.isArray(given) ? given.join(',') : given;
  if (value === undefined || (typeof value === 'string' && isStorable(value))) return value;
  throw new RestError(400, `expected text (field: ${name})`);
}

/** The cursor that stands for "after this name". */
export function cursorAfter(name: string): string {
  return Buffer.from(name).toString('base64url');
}

/** Reads a page's size; throws a 400. */
export function readLimit(limit: string): number {
  const count = Number(limit);
  if (!/^\d+$/.test(limit) || count < 1 || count > mostPerPage) {
    throw new RestError(400, `"${limit}" is not a whole number from 1 to ${mostPerPage} (field: limit)`);
  }
  return count;
}

/** What a cursor stands for; throws a 400 for one that is not ours. */
export function readCursor(cursor: string): string {
  const name = Buffer.from(cursor, 'base64url').toString('utf8');
  if (cursorAfter(name) !== cursor || !isStorable(name))
    throw new RestError(400, `"${cursor}" is not a cursor that an answer gave (field: cursor)`);
  return name;
}

function readPage(limit: string | undefined, cursor: string | undefined): JobView['page'] {
  if (limit === undefined) return undefined;
  return { limit: readLimit(limit), after: cursor === undefined ? '' : readCursor(cursor) };
}
