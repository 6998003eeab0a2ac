import { z } from 'zod';
import { isStorable } from '../database/database-error.js';
import { checkFilter } from '../discovery/name-filter.js';
import { type ExperimentType, experimentTypes } from '../experiments/experiment.js';
import { webhookUrlFault } from '../publication/webhook-target.js';
import { type Extras, readExtras } from '../recommendation/extras.js';
import { type Model, readModels } from '../recommendation/models.js';
import { RecommendationInputError } from '../recommendation/recommendation-input-error.js';
import { type RecommendationTypes, readRecommendationTypes } from '../recommendation/settings.js';
import { readTerms, type Term } from '../recommendation/terms.js';
import { deadlineFault, measurementFault, readDuration } from '../settings/duration.js';

/** One thing wrong with a value; `field` is the path of the offending member, '' for the value itself. */
export interface TextFault {
  readonly field: string;
  readonly message: string;
}

/** Characters of the longest text, names of members among them. */
export const longestText = 4_096;

/** Texts, names of members among them, that PostgreSQL cannot keep (those with U+0000 or half a surrogate pair) or that exceed `longestText`, and members named `__proto__`, which are lost when objects are copied. */
export function textFaults(value: unknown, path = ''): TextFault[] {
  if (typeof value === 'string') return faultsOf(value, path);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const inside = path === '' ? name : `${path}.${name}`;
    const faults =
      name === '__proto__' ? [{ field: inside, message: 'A member must not be named __proto__; rename it' }] : faultsOf(name, inside);
    return faults.length > 0 ? faults : textFaults(member, inside);
  });
}

function faultsOf(text: string, field: string): TextFault[] {
  if (text.length > longestText)
    return [{ field, message: `Text may have at most ${longestText} characters; this one has ${text.length}` }];
  return isStorable(text) ? [] : [{ field, message: 'Text may hold neither U+0000 nor half a surrogate pair' }];
}

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
  return {
    request: bulkRequestSchema.safeParse(Object.fromEntries(right)).data,
    faults: read.error.issues.flatMap(faultsOfOfReadBulkRequest),
  };
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

function faultsOfOfReadBulkRequest(issue: z.core.$ZodIssue): RequestFault[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: [...path, key].join('.'), message: `Unrecognized field "${key}"` }));
  }
  const field = path.join('.');
  return [{ field, message: field === '' ? `The body must be a JSON object: ${issue.message}` : issue.message }];
}

/** What a request is checked against; `jobId` stands in Kruize's texts. */
export interface RequestContext {
  readonly jobId: string;
  readonly isDatasource: (name: string) => boolean;
  readonly isMetadataProfile: (name: string) => boolean;
}

/** ISO-8601 with an offset or Z; seconds and their fraction may be missing. */
const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)$/i;

/** Everything wrong with a request of valid shape. Texts are Kruize's where it has one (spec: bulk-and-kafka.md 1.3, 1.4). */
export function checkBulkRequest(request: BulkRequest, context: RequestContext): RequestFault[] {
  return [
    ...timeRangeFaults(request, context),
    ...datasourceFaults(request, context),
    ...checkFilter(request.filter),
    ...profileFaults(request, context),
    ...durationFaults(request),
    ...engineFaults(request),
    ...webhookFaults(request),
  ];
}

function timeRangeFaults({ time_range }: BulkRequest, { jobId }: RequestContext): RequestFault[] {
  const { start, end } = time_range ?? {};
  const fields = { 'time_range.start': start, 'time_range.end': end };
  const unreadable = Object.entries(fields).filter(([, text]) => typeof text === 'string' && !isTime(text));
  if (unreadable.length > 0) {
    const message = `Invalid date format. Must follow ISO 8601 format (YYYY-MM-DDTHH:mm:ss.sssZ) for the jobId: ${jobId}`;
    return unreadable.map(([field]) => ({ field, message }));
  }
  if (typeof start === 'string' && typeof end !== 'string') {
    return [{ field: 'time_range.end', message: `Exception occurred while validating the time range for the jobId: ${jobId}` }];
  }
  if (typeof start === 'string' && typeof end === 'string' && Date.parse(start) > Date.parse(end)) {
    return [{ field: 'time_range.start', message: `Start time should be before end time for the jobId: ${jobId}` }];
  }
  return [];
}

function isTime(text: string): boolean {
  if (!isoTime.test(text) || Number.isNaN(Date.parse(text))) return false;
  const [year, month, day] = text.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}

function datasourceFaults(request: BulkRequest, { isDatasource, jobId }: RequestContext): RequestFault[] {
  const named = [
    ...(typeof request.datasource === 'string' ? [['datasource', request.datasource]] : []),
    ...(request.datasources ?? []).map((name, index) => [`datasources.${index}`, name]),
  ];
  return named
    .filter(([, name]) => !isDatasource(name))
    .map(([field]) => ({ field, message: `Datasource %s is not serviceable. for the jobId: ${jobId}` }));
}

function profileFaults({ metadata_profile: name }: BulkRequest, { isMetadataProfile }: RequestContext): RequestFault[] {
  if (typeof name !== 'string' || isMetadataProfile(name)) return [];
  const message = `Metadata profile not found. (Metadata profile name either does not exist or is not valid: ${name})`;
  return [{ field: 'metadata_profile', message }];
}

function durationFaults({ measurement_duration, deadline }: BulkRequest): RequestFault[] {
  const faults: RequestFault[] = [];
  const measurement = typeof measurement_duration === 'string' ? measurementFault(measurement_duration) : undefined;
  if (measurement) faults.push({ field: 'measurement_duration', message: measurement });
  const limit = typeof deadline === 'string' ? deadlineFault(deadline) : undefined;
  if (limit) faults.push({ field: 'deadline', message: limit });
  return faults;
}

function engineFaults(request: BulkRequest): RequestFault[] {
  const checks = [
    () => readTerms(request.term_settings?.terms),
    () => readModels(request.model_settings),
    () => readRecommendationTypes(request.recommendation_types_config),
    () => readExtras(request.recommendation_settings),
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (reason) {
      if (!(reason instanceof RecommendationInputError)) throw reason;
      return [{ field: reason.field, message: reason.fault }];
    }
  });
}

/** Only what is no address at all: one that may not be called fails its webhook, never the job. */
function webhookFaults({ webhook }: BulkRequest): RequestFault[] {
  const fault = typeof webhook?.url === 'string' ? webhookUrlFault(webhook.url) : undefined;
  return fault ? [{ field: 'webhook.url', message: fault }] : [];
}

/** A valid request with every default applied. */
export interface ResolvedRequest {
  readonly datasources: readonly string[];
  readonly clusterName: string;
  readonly metadataProfile: string;
  readonly metricProfile: string;
  readonly measurementSeconds: number;
  readonly experimentTypes: readonly ExperimentType[];
  readonly includedLabels?: Readonly<Record<string, string>>;
  /** Seconds since the epoch; only where the caller named an end. */
  readonly timeRange?: { readonly startSeconds: number; readonly endSeconds: number };
  readonly terms: readonly Term[];
  readonly models: readonly Model[];
  readonly types: RecommendationTypes;
  readonly threshold: number;
  readonly extras: Extras;
  readonly deadlineSeconds?: number;
}

const daySeconds = 86_400;

/** What a job does, from its valid request. Throws for an invalid one. */
export function resolveRequest(request: BulkRequest): ResolvedRequest {
  const terms = readTerms(request.term_settings?.terms);
  return {
    datasources: datasourcesOf(request),
    clusterName: request.cluster_name ?? requestDefaults.cluster_name,
    metadataProfile: request.metadata_profile ?? requestDefaults.metadata_profile,
    metricProfile: requestDefaults.metric_profile,
    measurementSeconds: readDuration(request.measurement_duration ?? requestDefaults.measurement_duration) ?? Number.NaN,
    experimentTypes: request.experiment_types?.length ? request.experiment_types : ['container'],
    includedLabels: request.filter?.include?.labels ?? undefined,
    timeRange: timeRangeOf(request, longestDays(terms)),
    terms,
    models: readModels(request.model_settings),
    types: readRecommendationTypes(request.recommendation_types_config),
    threshold: request.threshold ?? 0.1,
    extras: readExtras(request.recommendation_settings),
    deadlineSeconds: request.deadline ? readDuration(request.deadline) : undefined,
  };
}

/** The datasources that a request names, each once; the default where it names none. */
export function datasourcesOf(request: BulkRequest): string[] {
  const named = [...(request.datasource ? [request.datasource] : []), ...(request.datasources ?? [])];
  return named.length > 0 ? [...new Set(named)] : [requestDefaults.datasource];
}

/** Days of the longest term: how far usage is read back. */
export function longestDays(terms: readonly Term[]): number {
  return Math.max(...terms.map(({ days }) => days));
}

/** Instants of usage that an experiment is measured at: the longest term in steps, both ends included. */
export function usageRows({ terms, measurementSeconds }: Pick<ResolvedRequest, 'terms' | 'measurementSeconds'>): number {
  return Math.ceil((longestDays(terms) * daySeconds) / measurementSeconds) + 1;
}

function timeRangeOf(request: BulkRequest, days: number): ResolvedRequest['timeRange'] {
  const { start, end } = request.time_range ?? {};
  if (!end) return undefined;
  const endSeconds = Math.floor(Date.parse(end) / 1000);
  return { startSeconds: start ? Math.floor(Date.parse(start) / 1000) : endSeconds - days * daySeconds, endSeconds };
}

/** Last instant of the usage of a job that starts at `now`: the end it was given, else now, floored so that windows repeat from job to job. */
export function usageEnd(resolved: ResolvedRequest, now: Date, isAligned: boolean): Date {
  if (resolved.timeRange) return new Date(resolved.timeRange.endSeconds * 1000);
  const seconds = Math.floor(now.getTime() / 1000);
  return new Date((isAligned ? seconds - (seconds % resolved.measurementSeconds) : seconds) * 1000);
}
