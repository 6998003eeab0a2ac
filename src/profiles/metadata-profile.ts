import { z } from 'zod';
import { findSyntaxFault } from '../promql/expression.js';
import type { Settings } from '../settings/settings-schema.js';
import { ConfigError, readConfigFolder } from './config-folder.js';
import { withoutPlaceholders } from './placeholders.js';

/** The kinds of names that discovery finds and filters select. A profile's query variables contain these words in their names. */
export const discoveredKinds = ['namespace', 'workload', 'container'] as const;
export type DiscoveredKind = (typeof discoveredKinds)[number];

/** A metadata profile is invalid. The message names the profile or its file, the field and the fault. */
export class MetadataProfileError extends ConfigError {
  constructor(profile: string, faults: readonly string[]) {
    const text = `Metadata profile ${profile}: ${faults.join('; ')}`;
    super('metadata profiles', [text]);
    this.message = text;
  }
}

const text = z.string().min(1);
const prometheus = z.string().refine((kind) => kind.toLowerCase() === 'prometheus', { error: 'expected prometheus' });

const variableSchema = z.object({
  name: text,
  datasource: prometheus.optional(),
  value_type: z.enum(['double', 'int', 'string', 'categorical']),
  kubernetes_object: z.enum(['deployment', 'pod', 'container', 'namespace']).default('container'),
  query: z.string().optional(),
  aggregation_functions: z.array(z.object({ function: text, query: text, version: z.string().optional() })).min(1),
});

/** A metadata profile in Kruize's format (design/MetadataProfile.md): the queries that find namespaces, workloads and containers. Drops unknown members. */
export const metadataProfileSchema = z.object({
  apiVersion: text,
  kind: text,
  metadata: z.object({ name: text.max(255) }),
  profile_version: z.number().default(1),
  k8s_type: z
    .string()
    .refine((type) => ['minikube', 'openshift', 'icp'].includes(type.toLowerCase()), { error: 'expected minikube, openshift or icp' })
    .optional(),
  datasource: prometheus,
  query_variables: z.array(variableSchema).min(1),
});
export type MetadataProfile = z.output<typeof metadataProfileSchema>;

/** Reads a profile's document. Throws a MetadataProfileError that names `source` and every invalid field. */
export function readMetadataProfile(source: string, document: unknown): MetadataProfile {
  const read = metadataProfileSchema.safeParse(document);
  if (!read.success) {
    const faults = read.error.issues.map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message));
    throw new MetadataProfileError(source, faults);
  }
  for (const kind of discoveredKinds) queryOf(read.data, kind, source);
  const faults = queryFaults(read.data);
  if (faults.length > 0) throw new MetadataProfileError(source, faults);
  return read.data;
}

/** Syntax faults of the queries. Each names the profile, the query (variable.function) and the position, from 0. */
function queryFaults({ metadata, query_variables }: MetadataProfile): string[] {
  return query_variables.flatMap(({ name, aggregation_functions }) =>
    aggregation_functions.flatMap(({ function: method, query }) => {
      const fault = findSyntaxFault(withoutPlaceholders(query));
      return fault ? [`profile ${metadata.name}: ${name}.${method}: ${fault.what}`] : [];
    }),
  );
}

/** The profile's query for a kind: `sum` of the first variable with the kind in its name, as in Kruize. Throws a MetadataProfileError that names `source`. */
export function queryOf(profile: MetadataProfile, kind: DiscoveredKind, source = profile.metadata.name): string {
  const index = profile.query_variables.findIndex(({ name }) => name.includes(kind));
  const variable = profile.query_variables[index];
  if (!variable) throw new MetadataProfileError(source, [`query_variables: none has "${kind}" in its name`]);
  const sum = variable.aggregation_functions.find((aggregation) => aggregation.function === 'sum');
  if (sum) return sum.query;
  throw new MetadataProfileError(source, [`query_variables.${index}.aggregation_functions (${variable.name}): has no function "sum"`]);
}

/** The metadata profiles of `CONFIG_DIR/metadata-profiles/*.json`, read once at the start. */
export class MetadataProfiles {
  private readonly byName: ReadonlyMap<string, MetadataProfile>;

  /** Throws one ConfigError with the faults of all files. */
  constructor(settings: Pick<Settings, 'CONFIG_DIR'>) {
    this.byName = readConfigFolder(settings, {
      folder: 'metadata-profiles',
      read: (document, _, path) => readMetadataProfile(path, document),
      nameField: 'metadata.name',
      nameOf: ({ metadata }) => metadata.name,
    });
  }

  find(name: string): MetadataProfile | undefined {
    return this.byName.get(name);
  }

  /** All profiles, in the order of their files. */
  all(): MetadataProfile[] {
    return [...this.byName.values()];
  }
}
