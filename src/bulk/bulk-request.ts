import { z } from 'zod';
import { experimentTypes } from '../experiments/experiment.js';

/** Maximum number of faulty members of one list or object that are reported. With the hint that follows them they are as many as an answer lists. */
const maxFaults = 19;

/** Reports at most `maxFaults` faulty members: 50,000 faults would block the event loop. */
function checkMembers(members: Iterable<readonly [string | number, unknown]>, schema: z.ZodType, context: z.RefinementCtx): void {
  let faults = 0;
  for (const [name, value] of members) {
    const [issue] = schema.safeParse(value).error?.issues ?? [];
    if (!issue) continue;
    context.addIssue({ code: 'custom', path: [name], message: issue.message });
    if (++faults < maxFaults) continue;
    context.addIssue({
      code: 'custom',
      message: `Only the first ${maxFaults} faulty members are listed. Correct them and send the request again`,
    });
    return;
  }
}

function listOf<Item extends z.ZodType<string>>(item: Item) {
  return z
    .array(z.unknown())
    .superRefine((values, context) => checkMembers(values.entries(), item, context))
    .transform((values) => values as z.output<Item>[]);
}

const names = listOf(z.string()).nullish();
const labels = z
  .record(z.string(), z.unknown())
  .superRefine((values, context) => checkMembers(Object.entries(values), z.union([z.string(), z.number(), z.boolean()]), context))
  .transform((values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)])))
  .nullish();

const filterSchema = z.strictObject({ namespace: names, namespaces: names, workload: names, containers: names, labels }).nullish();

/** Body of POST /bulk: Kruize's fields and ours (contract: POST /bulk). Unknown fields and wrong types are faults; only label values become text. */
export const bulkRequestSchema = z.strictObject({
  filter: z.strictObject({ include: filterSchema, exclude: filterSchema }).nullish(),
  time_range: z.strictObject({ start: z.string().nullish(), end: z.string().nullish() }).nullish(),
  datasource: z.string().nullish(),
  datasources: names,
  cluster_name: z.string().min(1).nullish(),
  metadata_profile: z.string().nullish(),
  measurement_duration: z.string().nullish(),
  experiment_types: listOf(z.enum(experimentTypes)).nullish(),
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
