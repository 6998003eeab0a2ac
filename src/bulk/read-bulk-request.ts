import type { z } from 'zod';
import { type BulkRequest, bulkRequestSchema } from './bulk-request.js';
import { type TextFault, textFaults } from './text-faults.js';

/** One thing wrong with a request; `field` is the path of the offending field, '' for the body as a whole. */
export type RequestFault = TextFault;

/**
 * Reads the parsed body of POST /bulk (undefined = empty body): the request, and everything that is wrong with its shape. Where something is, the request
 * holds the fields that are right, so that their values can be checked in the same answer; undefined if nothing can be read.
 */
export function readBulkRequest(body: unknown): { request?: BulkRequest; faults: RequestFault[] } {
  if (body === undefined) return { faults: [{ field: '', message: 'No content to map due to end-of-input' }] };
  const faults = textFaults(body);
  if (faults.length > 0) return { faults };
  const read = bulkRequestSchema.safeParse(body);
  if (read.success) return { request: read.data, faults: [] };
  const faulty = new Set(read.error.issues.map(({ path }) => path[0]));
  const right = Object.entries(body ?? {}).filter(([name]) => Object.hasOwn(bulkRequestSchema.shape, name) && !faulty.has(name));
  return { request: bulkRequestSchema.safeParse(Object.fromEntries(right)).data, faults: read.error.issues.flatMap(faultsOf) };
}

/** So many faults are told of a request, and so much of each. */
const mostTold = 20;
const mostOfField = 200;
const mostOfMessage = 400;

/** One message for a 400 answer: the faults with their fields, cut to a length that people read. */
export function describeFaults(faults: readonly RequestFault[]): string {
  const told = faults.slice(0, mostTold).map(({ field, message }) => {
    const text = cut(message, mostOfMessage);
    return field === '' ? text : `${text} (field: ${cut(field, mostOfField)})`;
  });
  const left = faults.length - told.length;
  return [...told, ...(left > 0 ? [`and ${left} more`] : [])].join('; ');
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

function faultsOf(issue: z.core.$ZodIssue): RequestFault[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: [...path, key].join('.'), message: `Unrecognized field "${key}"` }));
  }
  const field = path.join('.');
  return [{ field, message: field === '' ? `The body must be a JSON object: ${issue.message}` : issue.message }];
}
