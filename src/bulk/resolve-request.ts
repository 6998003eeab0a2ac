import type { ExperimentType } from '../experiments/experiment.js';
import { type Extras, readExtras } from '../recommendation/extras.js';
import { type Model, readModels } from '../recommendation/models.js';
import { type RecommendationTypes, readRecommendationTypes } from '../recommendation/settings.js';
import { readTerms, type Term } from '../recommendation/terms.js';
import { readDuration } from '../settings/duration.js';
import { type BulkRequest, requestDefaults } from './bulk-request.js';

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
