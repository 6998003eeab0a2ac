import { z } from 'zod';
import { isStorable } from '../database/database-error.js';
import { describeFaults } from './read-bulk-request.js';
import { RestError } from './rest-error.js';

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
  throw new RestError(400, describeFaults(read.error.issues.map(({ path, message }) => ({ field: String(path[0]), message }))));
}

/** A value as it may stand in an error. */
export function shown(value: unknown): string {
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 100) : value)?.slice(0, 110) ?? 'nothing';
}
