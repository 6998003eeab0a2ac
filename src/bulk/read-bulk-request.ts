import type { z } from 'zod';
import { type BulkRequest, bulkRequestSchema } from './bulk-request.js';
import { unstorableText } from './unstorable-text.js';

/** One thing wrong with a request; `field` is the path of the offending field, '' for the body as a whole. */
export interface RequestFault {
  readonly field: string;
  readonly message: string;
}

/** Reads the parsed body of POST /bulk (undefined = empty body): a request, or everything that is wrong with its shape. */
export function readBulkRequest(body: unknown): { request: BulkRequest } | { faults: RequestFault[] } {
  if (body === undefined) return { faults: [{ field: '', message: 'No content to map due to end-of-input' }] };
  const unstorable = unstorableText(body);
  if (unstorable.length > 0) {
    return { faults: unstorable.map((field) => ({ field, message: 'Text may hold neither U+0000 nor half a surrogate pair' })) };
  }
  const read = bulkRequestSchema.safeParse(body);
  return read.success ? { request: read.data } : { faults: read.error.issues.flatMap(faultsOf) };
}

/** One message for a 400 answer: every fault with its field. */
export function describeFaults(faults: readonly RequestFault[]): string {
  return faults.map(({ field, message }) => (field === '' ? message : `${message} (field: ${field})`)).join('; ');
}

function faultsOf(issue: z.core.$ZodIssue): RequestFault[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: [...path, key].join('.'), message: `Unrecognized field "${key}"` }));
  }
  const field = path.join('.');
  return [{ field, message: field === '' ? `The body must be a JSON object: ${issue.message}` : issue.message }];
}
