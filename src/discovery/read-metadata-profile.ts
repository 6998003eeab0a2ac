import { findSyntaxFault } from '../promql/parse-promql.js';
import { discoveredKinds } from './filter.js';
import { type MetadataProfile, MetadataProfileError, metadataProfileSchema } from './metadata-profile.js';
import { queryOf } from './plan-discovery-queries.js';
import { standIn } from './read-query-places.js';

/** Reads a profile's JSON text; throws a MetadataProfileError that names `source` and every faulty field. */
export function readMetadataProfile(source: string, text: string): MetadataProfile {
  const read = metadataProfileSchema.safeParse(parseJson(source, text));
  if (!read.success) {
    const faults = read.error.issues.map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message));
    throw new MetadataProfileError(source, faults);
  }
  for (const kind of discoveredKinds) queryOf(read.data, kind, source);
  const faults = queryFaults(read.data);
  if (faults.length > 0) throw new MetadataProfileError(source, faults);
  return read.data;
}

/** Faults of the queries' texts: the profile, the query (variable.function) and the position, from 0. */
function queryFaults({ metadata, query_variables }: MetadataProfile): string[] {
  return query_variables.flatMap(({ name, aggregation_functions }) =>
    aggregation_functions.flatMap(({ function: method, query }) => {
      const fault = findSyntaxFault(standIn(query));
      return fault ? [`profile ${metadata.name}: ${name}.${method}: ${fault.what}`] : [];
    }),
  );
}

function parseJson(source: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MetadataProfileError(source, [`is not JSON (${(error as Error).message})`]);
  }
}
