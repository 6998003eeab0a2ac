import { z } from 'zod';
import { isStorable } from '../database/database-error.js';
import { checkFilter, type DiscoveryFilter } from '../discovery/name-filter.js';
import { type ExperimentType, experimentTypes } from '../experiments/experiment.js';
import {
  type FieldFault,
  faultsOf,
  listOf,
  readMembers,
  type SizingSettings,
  sizingSchema,
  sizingSettingsOf,
} from '../experiments/sizing-settings.js';
import { defaultThreshold, type Term } from '../recommendation/settings.js';
import { deadlineFault, measurementFault, readDuration } from '../settings/duration.js';

/** A rejected request; nothing was stored. The message names the faulty fields. `status` is the HTTP status of the response. */
export class RejectedRequest extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'RejectedRequest';
  }
}

const names = listOf(z.string()).nullish();
const labels = z
  .record(z.string(), z.unknown())
  .transform((values, context) => {
    const members = [...readMembers(Object.entries(values), z.union([z.string(), z.number(), z.boolean()]), context)];
    return Object.fromEntries(members.map(([name, value]) => [name, String(value)]));
  })
  .nullish();

const filterSchema = z.strictObject({ namespace: names, namespaces: names, workload: names, containers: names, labels }).nullish();

/** Body of POST /bulk: Kruize's fields and ours (docs/rest.md). Unknown fields and wrong types are faults; only label values become text. */
const requestSchema = z.strictObject({
  filter: z.strictObject({ include: filterSchema, exclude: filterSchema }).nullish(),
  time_range: z.strictObject({ start: z.string().nullish(), end: z.string().nullish() }).nullish(),
  datasource: z.string().nullish(),
  datasources: names,
  cluster_name: z.string().min(1).nullish(),
  metadata_profile: z.string().nullish(),
  measurement_duration: z.string().nullish(),
  experiment_types: listOf(z.enum(experimentTypes)).nullish(),
  // sizingSchema validates these four; the stored request keeps them unchanged.
  model_settings: z.unknown().optional(),
  term_settings: z.unknown().optional(),
  recommendation_types_config: z.unknown().optional(),
  recommendation_settings: z.unknown().optional(),
  threshold: z.number().nullish(),
  webhook: z.strictObject({ url: z.string().nullish() }).nullish(),
  requestId: z.string().min(1).max(512).nullish(),
  refresh: z.boolean().nullish(),
  deadline: z.string().nullish(),
});

/** A valid body of POST /bulk, unchanged; `summary.input` echoes it. */
export type BulkRequest = z.output<typeof requestSchema>;

export const requestDefaults = {
  datasource: 'prometheus-1',
  metadata_profile: 'cluster-metadata-local-monitoring',
  measurement_duration: '15min',
  cluster_name: 'default',
  metric_profile: 'resource-optimization-local-monitoring',
} as const;

/** What a job does: its request with all defaults filled in. Plain data: steps, threads and responses use nothing else of the request. */
export interface ResolvedRequest extends SizingSettings {
  readonly datasources: readonly string[];
  readonly clusterName: string;
  readonly metadataProfile: string;
  readonly metricProfile: string;
  readonly measurementSeconds: number;
  readonly experimentTypes: readonly ExperimentType[];
  readonly filter: DiscoveryFilter;
  /** Unix seconds; present if the request has an end. */
  readonly timeRange?: { readonly startSeconds: number; readonly endSeconds: number };
  readonly threshold: number;
  /** Reads all usage again instead of using stored windows. */
  readonly refresh: boolean;
  readonly deadlineSeconds?: number;
}

/** What a request is checked against; Kruize's texts name the job. */
export interface RequestContext {
  readonly jobId: string;
  readonly isDatasource: (name: string) => boolean;
  readonly isMetadataProfile: (name: string) => boolean;
  /** Why the text is not a webhook address; undefined if it is one. */
  readonly webhookUrlFault: (url: string) => string | undefined;
}

/** A request in both forms, or its faults. */
export type ReadRequest =
  | { readonly request: BulkRequest; readonly resolved: ResolvedRequest; readonly faults?: undefined }
  | { readonly faults: readonly FieldFault[] };

/**
 * Reads the parsed body of POST /bulk (undefined = empty body). Reports all faults at once: valid fields are checked even if others are faulty. Uses
 * Kruize's error texts where they exist.
 */
export function readBulkRequest(body: unknown, context: RequestContext): ReadRequest {
  if (body === undefined) return { faults: [{ field: '', message: 'No content to map due to end-of-input' }] };
  const unusable = textFaults(body);
  if (unusable.length > 0) return { faults: unusable };
  const read = requestSchema.safeParse(body);
  const request = read.data ?? readValidFields(body, read.error!);
  const given = request ?? {};
  const sizing = sizingSchema.safeParse(given);
  const faults = [
    ...(read.error ? faultsOf(read.error).map(named) : []),
    ...timeRangeFaults(given, context),
    ...datasourceFaults(given, context),
    ...checkFilter(given.filter),
    ...faultOfField('metadata_profile', given.metadata_profile, (name) =>
      context.isMetadataProfile(name)
        ? undefined
        : `Metadata profile not found. (Metadata profile name either does not exist or is not valid: ${name})`,
    ),
    ...faultOfField('measurement_duration', given.measurement_duration, measurementFault),
    ...faultOfField('deadline', given.deadline, deadlineFault),
    ...(sizing.error ? faultsOf(sizing.error) : []),
    // Checks only whether the text is an address. An address that must not be called fails its webhook, not the job.
    ...faultOfField('webhook.url', given.webhook?.url, context.webhookUrlFault),
  ];
  return request && sizing.data && faults.length === 0 ? { request, resolved: resolve(request, sizing.data) } : { faults };
}

const resolvedRequests = new WeakMap<BulkRequest, ResolvedRequest>();

/** The resolved form of a stored request. Throws a ZodError if it is invalid. */
export function resolveRequest(request: BulkRequest): ResolvedRequest {
  const resolved = resolvedRequests.get(request) ?? resolve(request, sizingSchema.parse(request));
  resolvedRequests.set(request, resolved);
  return resolved;
}

function resolve(request: BulkRequest, sizing: z.output<typeof sizingSchema>): ResolvedRequest {
  const settings = sizingSettingsOf(sizing);
  return {
    ...settings,
    datasources: datasourcesOf(request),
    clusterName: request.cluster_name ?? requestDefaults.cluster_name,
    metadataProfile: request.metadata_profile ?? requestDefaults.metadata_profile,
    metricProfile: requestDefaults.metric_profile,
    measurementSeconds: readDuration(request.measurement_duration ?? requestDefaults.measurement_duration) ?? Number.NaN,
    experimentTypes: request.experiment_types?.length ? request.experiment_types : ['container'],
    filter: request.filter ?? {},
    timeRange: timeRangeOf(request, maxTermDays(settings.terms)),
    threshold: request.threshold ?? defaultThreshold,
    refresh: request.refresh ?? false,
    deadlineSeconds: request.deadline ? readDuration(request.deadline) : undefined,
  };
}

/** The datasources that a request names, each once; the default if it names none. */
function datasourcesOf(request: BulkRequest): string[] {
  const named = [...(request.datasource ? [request.datasource] : []), ...(request.datasources ?? [])];
  return named.length > 0 ? [...new Set(named)] : [requestDefaults.datasource];
}

function timeRangeOf(request: BulkRequest, days: number): ResolvedRequest['timeRange'] {
  const { start, end } = request.time_range ?? {};
  if (!end) return undefined;
  const endSeconds = Math.floor(Date.parse(end) / 1000);
  return { startSeconds: start ? Math.floor(Date.parse(start) / 1000) : endSeconds - days * daySeconds, endSeconds };
}

const daySeconds = 86_400;

/** Days of the longest term: how far usage is read back. */
export function maxTermDays(terms: readonly Term[]): number {
  return Math.max(...terms.map(({ days }) => days));
}

/** Number of instants at which an experiment is measured: the longest term in steps, both ends included. */
export function usageRows({ terms, measurementSeconds }: Pick<ResolvedRequest, 'terms' | 'measurementSeconds'>): number {
  return Math.ceil((maxTermDays(terms) * daySeconds) / measurementSeconds) + 1;
}

/** Last instant of the usage of a job that starts at `now`: the end of its time range, or now, rounded down so that the next job can use stored windows. */
export function usageEnd(resolved: ResolvedRequest, now: Date, isAligned: boolean): Date {
  if (resolved.timeRange) return new Date(resolved.timeRange.endSeconds * 1000);
  const seconds = Math.floor(now.getTime() / 1000);
  return new Date((isAligned ? seconds - (seconds % resolved.measurementSeconds) : seconds) * 1000);
}

/** When a job starts, which usage it reads last, and until when it must end. */
export interface JobTimes {
  readonly startedAt: Date;
  readonly usageEnd: Date;
  readonly deadlineAt: Date | null;
}

export function jobTimes(resolved: ResolvedRequest, startedAt: Date, isAligned: boolean): JobTimes {
  const { deadlineSeconds } = resolved;
  const deadlineAt = deadlineSeconds === undefined ? null : new Date(startedAt.getTime() + deadlineSeconds * 1000);
  return { startedAt, usageEnd: usageEnd(resolved, startedAt, isAligned), deadlineAt };
}

/** Limits for the message of a 400 response: number of faults, and characters per field and message. */
const maxListed = 20;
const maxField = 200;
const maxMessage = 400;

/** Joins faults and their fields to one message for a 400 response and shortens it. */
export function describeFaults(faults: readonly FieldFault[]): string {
  const listed = faults.slice(0, maxListed).map(({ field, message }) => {
    const text = cut(message, maxMessage);
    return field === '' ? text : `${text} (field: ${cut(field, maxField)})`;
  });
  const left = faults.length - listed.length;
  return [...listed, ...(left > 0 ? [`and ${left} more`] : [])].join('; ');
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

function named({ field, message }: FieldFault): FieldFault {
  return { field, message: field === '' ? `The body must be a JSON object: ${message}` : message };
}

/** The request without its faulty fields; undefined if nothing can be read. */
function readValidFields(body: unknown, error: z.ZodError): BulkRequest | undefined {
  const faulty = new Set(error.issues.map(({ path }) => path[0]));
  const valid = Object.entries(body ?? {}).filter(([name]) => Object.hasOwn(requestSchema.shape, name) && !faulty.has(name));
  return requestSchema.safeParse(Object.fromEntries(valid)).data;
}

/** Maximum length of a text in characters, names of members included. */
export const maxTextLength = 4_096;

/**
 * Texts, names of members included, that PostgreSQL cannot store (U+0000 or half a surrogate pair) or that exceed `maxTextLength`, and members named
 * `__proto__`, which are lost when objects are copied.
 */
export function textFaults(value: unknown, path = ''): FieldFault[] {
  if (typeof value === 'string') return textFaultsOf(value, path);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const inside = path === '' ? name : `${path}.${name}`;
    const message = 'A member must not be named __proto__; rename it';
    const faults = name === '__proto__' ? [{ field: inside, message }] : textFaultsOf(name, inside);
    return faults.length > 0 ? faults : textFaults(member, inside);
  });
}

function textFaultsOf(text: string, field: string): FieldFault[] {
  if (text.length > maxTextLength) {
    return [{ field, message: `Text may have at most ${maxTextLength} characters; this one has ${text.length}` }];
  }
  return isStorable(text) ? [] : [{ field, message: 'Text may hold neither U+0000 nor half a surrogate pair' }];
}

/** ISO-8601 with an offset or Z; seconds and their fraction may be missing. */
const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)$/i;

function timeRangeFaults({ time_range }: BulkRequest, { jobId }: RequestContext): FieldFault[] {
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

function datasourceFaults(request: BulkRequest, { isDatasource, jobId }: RequestContext): FieldFault[] {
  const named = [
    ...(typeof request.datasource === 'string' ? [['datasource', request.datasource]] : []),
    ...(request.datasources ?? []).map((name, index) => [`datasources.${index}`, name]),
  ];
  return named
    .filter(([, name]) => !isDatasource(name))
    .map(([field]) => ({ field, message: `Datasource %s is not serviceable. for the jobId: ${jobId}` }));
}

/** The fault that `check` finds in a field; none if the request does not have the field. */
function faultOfField(field: string, text: string | null | undefined, check: (text: string) => string | undefined): FieldFault[] {
  const message = typeof text === 'string' ? check(text) : undefined;
  return message === undefined ? [] : [{ field, message }];
}
