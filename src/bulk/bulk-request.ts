import { z } from 'zod';
import { experimentTypes } from '../experiments/experiment.js';

const names = z.array(z.string()).nullish();
const labels = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).nullish();

const filterSchema = z.strictObject({ namespace: names, namespaces: names, workload: names, containers: names, labels }).nullish();

/** Body of POST /bulk: Kruize's fields and ours (contract: POST /bulk). Unknown fields and wrong types are faults; only label values become text. */
export const bulkRequestSchema = z.strictObject({
  filter: z.strictObject({ include: filterSchema, exclude: filterSchema }).nullish(),
  time_range: z.strictObject({ start: z.string().nullish(), end: z.string().nullish() }).nullish(),
  datasource: z.string().nullish(),
  datasources: z.array(z.string()).nullish(),
  cluster_name: z.string().min(1).nullish(),
  metadata_profile: z.string().nullish(),
  measurement_duration: z.string().nullish(),
  experiment_types: z.array(z.enum(experimentTypes)).nullish(),
  // What stands in these four is read by the engine's own readers, which name faulty fields too.
  model_settings: z.unknown().optional(),
  term_settings: z.strictObject({ terms: z.unknown().optional() }).nullish(),
  recommendation_types_config: z.unknown().optional(),
  recommendation_settings: z.unknown().optional(),
  threshold: z.number().nullish(),
  webhook: z.strictObject({ url: z.string().nullish() }).nullish(),
  requestId: z.string().min(1).max(512).nullish(),
  refresh: z.boolean().nullish(),
  deadline: z.string().nullish(),
});

/** A valid body of POST /bulk, as it was given; `summary.input` echoes it. */
export type BulkRequest = z.output<typeof bulkRequestSchema>;

/** What applies where the request is silent. */
export const requestDefaults = {
  datasource: 'prometheus-1',
  metadata_profile: 'cluster-metadata-local-monitoring',
  measurement_duration: '15min',
  cluster_name: 'default',
  metric_profile: 'resource-optimization-local-monitoring',
} as const;
