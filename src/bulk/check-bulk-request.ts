import { checkFilter } from '../discovery/name-filter.js';
import { webhookUrlFault } from '../publication/webhook-target.js';
import { readExtras } from '../recommendation/extras.js';
import { readModels } from '../recommendation/models.js';
import { RecommendationInputError } from '../recommendation/recommendation-input-error.js';
import { readRecommendationTypes } from '../recommendation/settings.js';
import { readTerms } from '../recommendation/terms.js';
import { deadlineFault, measurementFault } from '../settings/duration.js';
import type { BulkRequest } from './bulk-request.js';
import type { RequestFault } from './read-bulk-request.js';

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
