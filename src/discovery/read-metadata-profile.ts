import { discoveredKinds } from './filter.js';
import { type MetadataProfile, MetadataProfileError, metadataProfileSchema } from './metadata-profile.js';
import { queryOf } from './plan-discovery-queries.js';

/** Reads a profile's JSON text; throws a MetadataProfileError that names `source` and every faulty field. */
export function readMetadataProfile(source: string, text: string): MetadataProfile {
  const read = metadataProfileSchema.safeParse(parseJson(source, text));
  if (!read.success) {
    const faults = read.error.issues.map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message));
    throw new MetadataProfileError(source, faults);
  }
  for (const kind of discoveredKinds) queryOf(read.data, kind, source);
  return read.data;
}

function parseJson(source: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MetadataProfileError(source, [`is not JSON (${(error as Error).message})`]);
  }
}
