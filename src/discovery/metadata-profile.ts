import { z } from 'zod';

/** A metadata profile cannot be used; the message names the profile (or its file), the field and what is wrong. */
export class MetadataProfileError extends Error {
  constructor(profile: string, faults: readonly string[]) {
    super(`Metadata profile ${profile}: ${faults.join('; ')}`);
    this.name = 'MetadataProfileError';
  }
}

const text = z.string().min(1);
const prometheus = z.string().refine((kind) => kind.toLowerCase() === 'prometheus', { error: 'expected prometheus' });

const functionSchema = z.object({ function: text, query: text, version: z.string().optional() });

const variableSchema = z.object({
  name: text,
  datasource: prometheus.optional(),
  value_type: z.enum(['double', 'int', 'string', 'categorical']),
  kubernetes_object: z.enum(['deployment', 'pod', 'container', 'namespace']).default('container'),
  query: z.string().optional(),
  aggregation_functions: z.array(functionSchema).min(1),
});

/** A metadata profile as it is put in (spec: rest-api.md 3.1): the queries that find namespaces, workloads and containers. Unknown members are dropped. */
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
