import { z } from 'zod';
import { experimentTypes } from '../experiments/experiment.js';

const names = z.array(z.string()).nullish();
const labels = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).nullish();
const percentile = z.number().gt(0).max(100).optional();

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
  model_settings: z
    .strictObject({
      models: z.array(z.string()).nullish(),
      model_tunables: z
        .record(
          z.string(),
          z.strictObject({ cpu_percentile: percentile, memory_percentile: percentile, accelerator_percentile: percentile }),
        )
        .nullish(),
    })
    .nullish(),
  term_settings: z
    .strictObject({
      terms: z
        .array(
          z.union([
            z.string(),
            z.strictObject({
              name: z.string().min(1),
              duration_in_days: z.number().positive().max(365),
              duration_threshold_in_hours: z.number().nonnegative().optional(),
              plots_datapoints: z.number().int().min(0).max(1000).optional(),
            }),
          ]),
        )
        .nullish(),
    })
    .nullish(),
  recommendation_types_config: z.strictObject({ resources: names, runtimes: names, accelerators: names }).nullish(),
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
