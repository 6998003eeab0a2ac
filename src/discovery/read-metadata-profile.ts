import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
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
  const faults = queryFaults(read.data);
  if (faults.length > 0) throw new MetadataProfileError(source, faults);
  return read.data;
}

/** Faults of the queries' texts: the profile, the query (variable.function) and the position, from 0. */
function queryFaults({ metadata, query_variables }: MetadataProfile): string[] {
  return query_variables.flatMap(({ name, aggregation_functions }) =>
    aggregation_functions.flatMap(({ function: method, query }) => {
      const position = faultPosition(parser.parse(withoutPlaces(query)).topNode);
      return position === undefined ? [] : [`profile ${metadata.name}: ${name}.${method}: not PromQL from position ${position} on`];
    }),
  );
}

/** The query as PromQL: what is put in for its places later is left out, or a number, of the same length, so that positions stay. */
function withoutPlaces(query: string): string {
  return query.replace(/\$MEASUREMENT_DURATION_IN_MIN\$|\bADDITIONAL_LABEL\b|%s(?!\w)/g, (place) =>
    place.startsWith('$') ? '1'.padStart(place.length, '0') : ' '.repeat(place.length),
  );
}

function faultPosition(node: SyntaxNode): number | undefined {
  if (node.type.isError) return node.from;
  for (let child = node.firstChild; child; child = child.nextSibling) {
    const position = faultPosition(child);
    if (position !== undefined) return position;
  }
  return undefined;
}

function parseJson(source: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MetadataProfileError(source, [`is not JSON (${(error as Error).message})`]);
  }
}
