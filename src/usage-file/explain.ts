import { currentConfigOf, effectiveThreshold, isOptimised, percentAbove } from '../recommendation/compare.js';
import { type AdjustmentContext, adjustAmount } from '../recommendation/extras.js';
import { type Intervals, measureIntervals } from '../recommendation/intervals.js';
import { notificationTable } from '../recommendation/notifications.js';
import { isoTime } from '../recommendation/plots.js';
import {
  firstOfTerm,
  isAvailable,
  minObservedMinutes,
  observedIntervals,
  recommend,
  startOfTerm,
  toleranceMinutes,
} from '../recommendation/recommend.js';
import type { ResourceConfig, TermRecommendation } from '../recommendation/recommendations.js';
import { type Evidence, extrasFor, type Model, type RecommendationSettings, type Resource, type Term } from '../recommendation/settings.js';
import { memoryBounds, oneCore, rankOf, type Sized, sizeCpu, sizeMemory, type TermUsage, usageOfTerm } from '../recommendation/sizing.js';
import { intervalRows } from '../recommendation/usage-table.js';
import type { UsageFile } from './read-usage-file.js';

/** Explains the recommendation of a usage file in lines of text: per term, model and resource. Pure. */
export function explain(file: UsageFile): string[] {
  const { usage, settings, subject, evidence } = file;
  const rows = intervalRows(usage);
  const intervals = measureIntervals(usage, settings.experimentType, rows);
  const what = subject.type === 'container' ? `container ${subject.namespace}/${subject.container}` : `namespace ${subject.namespace}`;
  const head = `${subject.name}: ${what}, ${intervals.count} intervals of ${settings.measurementDurationMinutes} min`;
  if (intervals.count === 0) return [`${head}: no samples, so there is no recommendation`];
  const current = currentConfigOf(usage, rows[rows.length - 1]!, settings.experimentType).config;
  const [instant] = Object.values(recommend(usage, settings, evidence).data);
  const window = `from ${isoTime(intervals.times[0]! * 1000)} to ${isoTime(intervals.times[intervals.count - 1]! * 1000)}`;
  return [
    `${head}, ${window}`,
    ...settings.terms.flatMap((term) =>
      explainTerm(file, intervals, term, current, instant?.recommendation_terms[term.name]).map(indented),
    ),
  ];
}

/** `recommended` = the engine's recommendation for the term. */
function explainTerm(
  { settings, evidence }: UsageFile,
  intervals: Intervals,
  term: Term,
  current: ResourceConfig,
  recommended: TermRecommendation | undefined,
): string[] {
  const minutes = settings.measurementDurationMinutes;
  const needed = Math.max(0, Math.ceil((minObservedMinutes(term, minutes) - toleranceMinutes) / minutes));
  const [first, startMs] = [firstOfTerm(intervals, term), startOfTerm(intervals, term)];
  const counts = `${intervals.count - first} intervals present, ${observedIntervals(intervals, term)} of them after its start, ${needed} needed`;
  const head = `${term.name}: window from ${isoTime(startMs)}, ${counts}`;
  if (!isAvailable(intervals, term, minutes)) return [`${head}: too few, so there is no recommendation`];
  const usage = usageOfTerm(intervals, first, settings.models);
  const window = { startSeconds: startMs / 1000, endSeconds: intervals.times[intervals.count - 1]! };
  const models = settings.models.flatMap((model) => {
    const sizing = { intervals, first, usage, model, settings, current, evidence, window };
    const lines = settings.types.resources.flatMap((resource) => explainResource[resource](sizing));
    const notifications = Object.values(recommended?.recommendation_engines?.[model.name]?.notifications ?? {});
    const notes = notifications.map(({ code, message }) => `notification: ${code} ${message}`);
    return [`${model.name}: at most ${usage.podsCount} pods`, ...[...lines, ...notes].map(indented)];
  });
  return [`${head}: available`, ...models.map(indented)];
}

function indented(line: string): string {
  return `  ${line}`;
}

/** Input for one model and one term. `first` = index of the term's first interval. */
export interface Sizing {
  readonly intervals: Intervals;
  readonly first: number;
  readonly usage: TermUsage;
  readonly model: Model;
  readonly settings: RecommendationSettings;
  readonly current: ResourceConfig;
  readonly evidence: Evidence;
  /** First and last instant of the term, Unix seconds. */
  readonly window: AdjustmentContext['term'];
}

/** Explains the recommended amount of a resource. */
export const explainResource: Readonly<Record<Resource, (sizing: Sizing) => string[]>> = { cpu: explainCpu, memory: explainMemory };

function explainCpu(sizing: Sizing): string[] {
  const { usage, model, intervals, first } = sizing;
  const { maximum } = usage.cpuPeaks;
  const isBelowOneCore = maximum < oneCore;
  const peaks = intervals.cpuPeaks.subarray(first);
  const percentile = isBelowOneCore ? 100 : model.cpuPercentile;
  const rule = isBelowOneCore
    ? `the largest peak is below one core, so it is used instead of the percentile`
    : `the largest peak is ${writeAmount(maximum, 'cores')}, at least one core, so the percentile is used`;
  return [
    `cpu: ${outcomeOf(sizeCpu(usage, model))}`,
    `  ${rule}: ${pickOf(sizing, peaks, percentile, usage.cpuPeaks.at(percentile), 'cores')}`,
    ...explainChanges(sizing, 'cpu', sizeCpu(usage, model)),
  ];
}

function explainMemory(sizing: Sizing): string[] {
  const { usage, model, intervals, first } = sizing;
  const { peak, spike, withBuffer, withSpike } = memoryBounds(usage, model);
  const pick = (values: Float64Array, value: number) => pickOf(sizing, values.subarray(first), model.memoryPercentile, value, 'bytes');
  const chosen = withBuffer <= withSpike ? 'A' : 'B';
  return [
    `memory: ${outcomeOf(sizeMemory(usage, model))}`,
    `  peak: ${pick(intervals.memoryPeaks, peak)}`,
    `  spike: ${pick(intervals.memorySpikes, spike)}`,
    `  A = peak + 20 % = ${writeAmount(withBuffer, 'bytes')}; B = peak + spike + 5 % of the spike = ${writeAmount(withSpike, 'bytes')}; the smaller is used: ${chosen}`,
    ...explainChanges(sizing, 'memory', sizeMemory(usage, model)),
  ];
}

function outcomeOf(sized: Sized): string {
  if ('amount' in sized) return writeAmount(sized.amount, sized.format);
  return `no recommendation: ${notificationTable[sized.notice].message} (${sized.notice})`;
}

/** The value at a percentile and the latest interval that has it. */
function pickOf({ intervals, first }: Sizing, values: Float64Array, percentile: number, value: number, format: string): string {
  const at = first + values.lastIndexOf(value);
  const index = `percentile ${percentile} of ${values.length} values is index ${rankOf(percentile, values.length)} of 0..${values.length - 1}`;
  return `${index} in ascending order: ${writeAmount(value, format)}, from the interval that ends at ${isoTime(intervals.times[at]! * 1000)}`;
}

/** Adjustments by extras, and the comparison with the configured amounts. */
function explainChanges({ current, settings, evidence, window }: Sizing, resource: Resource, sized: Sized): string[] {
  if (!('amount' in sized)) return [];
  const extras = settings.extras && extrasFor(settings.experimentType, settings.extras);
  const adjusted = extras
    ? adjustAmount(sized.amount, { resource, extras, evidence, term: window })
    : { amount: sized.amount, notices: [] };
  const adjustments = adjusted.notices.map((code) => `  ${notificationTable[code].message} (${code})`);
  if (adjustments.length > 0) adjustments.push(`  so the amount is ${writeAmount(adjusted.amount, sized.format)}`);
  const comparisons = (['requests', 'limits'] as const).map((place) => {
    const amount = current[place]?.[resource]?.amount;
    return `  ${place}: ${amount === undefined ? 'not configured' : compare(adjusted.amount, amount, sized.format, settings.threshold)}`;
  });
  return [...adjustments, ...comparisons];
}

function compare(recommended: number, current: number, format: string, threshold: number): string {
  const percent = percentAbove(recommended, current);
  const limit = `the threshold of ${effectiveThreshold(threshold)} %`;
  const verdict = isOptimised(recommended, current, threshold)
    ? `within ${limit}: the configured amount is kept`
    : `beyond ${limit}: a change is recommended`;
  return `${writeAmount(current, format)} configured, recommended ${percent >= 0 ? '+' : ''}${percent.toFixed(3)} %, ${verdict}`;
}

/** Formats an amount for people: bytes also in MiB. */
export function writeAmount(amount: number, format: string): string {
  if (format !== 'bytes') return `${amount} ${format || 'of unknown format'}`;
  return `${amount} bytes (${(amount / (1024 * 1024)).toFixed(1)} MiB)`;
}
