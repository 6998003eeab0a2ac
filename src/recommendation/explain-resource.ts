import { type AdjustmentContext, adjustAmount } from './adjust-amount.js';
import { effectiveThreshold, isOptimised, percentAbove } from './compare-with-current.js';
import type { Evidence } from './evidence.js';
import { extrasFor } from './extras.js';
import type { Intervals } from './intervals.js';
import { isoTime } from './iso-time.js';
import type { Model } from './models.js';
import { notificationTable } from './notifications.js';
import { rankOf } from './percentiles.js';
import type { RecommendationSettings } from './recommendation-settings.js';
import type { Resource } from './recommendation-types.js';
import type { ResourceConfig } from './recommendations.js';
import { memoryBounds, oneCore, type Sized, sizeCpu, sizeMemory } from './size-resources.js';
import type { TermUsage } from './term-usage.js';
import { writeAmount } from './write-amount.js';

/** One model on one term: what a resource's amount is made from. `first` = index of the term's first interval. */
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

/** How the recommended amount of a resource comes about. */
export const explainResource: Readonly<Record<Resource, (sizing: Sizing) => string[]>> = { cpu: explainCpu, memory: explainMemory };

/** How the recommended cores come about (recommendations.md 5.3). */
function explainCpu(sizing: Sizing): string[] {
  const { usage, model, intervals, first } = sizing;
  const { maximum } = usage.cpuPeaks;
  const isBelowOneCore = maximum < oneCore;
  const peaks = intervals.cpuPeaks.subarray(first);
  const percentile = isBelowOneCore ? 100 : model.cpuPercentile;
  const rule = isBelowOneCore
    ? `the largest peak is below one core, so it is taken whatever the percentile`
    : `the largest peak is ${writeAmount(maximum, 'cores')}, at least one core, so the percentile is taken`;
  return [
    `cpu: ${outcomeOf(sizeCpu(usage, model))}`,
    `  ${rule}: ${pickOf(sizing, peaks, percentile, usage.cpuPeaks.at(percentile), 'cores')}`,
    ...afterwards(sizing, 'cpu', sizeCpu(usage, model)),
  ];
}

/** How the recommended bytes come about (recommendations.md 5.5). */
function explainMemory(sizing: Sizing): string[] {
  const { usage, model, intervals, first } = sizing;
  const { peak, spike, withBuffer, withSpike } = memoryBounds(usage, model);
  const pick = (values: Float64Array, value: number) => pickOf(sizing, values.subarray(first), model.memoryPercentile, value, 'bytes');
  const chosen = withBuffer <= withSpike ? 'A' : 'B';
  return [
    `memory: ${outcomeOf(sizeMemory(usage, model))}`,
    `  peak: ${pick(intervals.memoryPeaks, peak)}`,
    `  spike: ${pick(intervals.memorySpikes, spike)}`,
    `  A = peak + 20 % = ${writeAmount(withBuffer, 'bytes')}; B = peak + spike + 5 % of the spike = ${writeAmount(withSpike, 'bytes')}; the smaller is taken: ${chosen}`,
    ...afterwards(sizing, 'memory', sizeMemory(usage, model)),
  ];
}

function outcomeOf(sized: Sized): string {
  if ('amount' in sized) return writeAmount(sized.amount, sized.format);
  return `no recommendation: ${notificationTable[sized.notice].message} (${sized.notice})`;
}

/** Which value a percentile picks, and the latest interval that has it. */
function pickOf({ intervals, first }: Sizing, values: Float64Array, percentile: number, value: number, format: string): string {
  const at = first + values.lastIndexOf(value);
  const index = `percentile ${percentile} of ${values.length} values is index ${rankOf(percentile, values.length)} of 0..${values.length - 1}`;
  return `${index} in rising order: ${writeAmount(value, format)}, decided by the interval that ends ${isoTime(intervals.times[at]! * 1000)}`;
}

/** What extras make of the amount, and how it compares with what is configured. */
function afterwards({ current, settings, evidence, window }: Sizing, resource: Resource, sized: Sized): string[] {
  if (!('amount' in sized)) return [];
  const extras = settings.extras && extrasFor(settings.experimentType, settings.extras);
  const adjusted = extras
    ? adjustAmount(sized.amount, { resource, extras, evidence, term: window })
    : { amount: sized.amount, notices: [] };
  const adjustments = adjusted.notices.map((code) => `  ${notificationTable[code].message} (${code})`);
  if (adjustments.length > 0) adjustments.push(`  so the amount is ${writeAmount(adjusted.amount, sized.format)}`);
  const comparisons = (['requests', 'limits'] as const).map((place) => {
    const amount = current[place]?.[resource]?.amount;
    return `  ${place}: ${amount === undefined ? 'nothing is configured' : compare(adjusted.amount, amount, sized.format, settings.threshold)}`;
  });
  return [...adjustments, ...comparisons];
}

function compare(recommended: number, current: number, format: string, threshold: number): string {
  const percent = percentAbove(recommended, current);
  const limit = `the threshold of ${effectiveThreshold(threshold)} %`;
  const verdict = isOptimised(recommended, current, threshold)
    ? `within ${limit}: the configured amount is kept`
    : `beyond ${limit}: a change is recommended`;
  return `${writeAmount(current, format)} configured, recommended is ${percent >= 0 ? '+' : ''}${percent.toFixed(3)} %, ${verdict}`;
}
