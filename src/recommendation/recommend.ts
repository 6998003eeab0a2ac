import { currentConfigOf } from './compare.js';
import { type Intervals, measureIntervals } from './intervals.js';
import { type NotificationCode, notificationsOf } from './notifications.js';
import { isoTime, type PlotTerm, plotsOf } from './plots.js';
import { recommendModel, type Situation } from './recommend-model.js';
import type { Recommendations, TermRecommendation } from './recommendations.js';
import { jvmOfTerm } from './runtime-env.js';
import { type Evidence, noEvidence, type RecommendationSettings, type Term } from './settings.js';
import { firstInterval, usageOfTerm } from './sizing.js';
import { intervalRows, type UsageTable } from './usage-table.js';

/**
 * Sizes one container or namespace from its usage with Kruize's rules; docs/compatibility.md ("Numbers") lists the differences. Uses
 * `evidence` only if the settings' extras need it. Pure. Does not throw if all columns have the table's length. All numbers in the result
 * are finite.
 */
export function recommend(usage: UsageTable, settings: RecommendationSettings, evidence: Evidence = noEvidence): Recommendations {
  const rows = intervalRows(usage);
  const intervals = measureIntervals(usage, settings.experimentType, rows);
  const available = new Set(
    intervals.count === 0 ? [] : settings.terms.filter((term) => isAvailable(intervals, term, settings.measurementDurationMinutes)),
  );
  if (available.size === 0) return { version: '1.0', notifications: notificationsOf([120001]), data: {} };

  const endSeconds = intervals.times[intervals.count - 1]!;
  const monitoringEndTime = isoTime(endSeconds * 1000);
  const current = currentConfigOf(usage, rows[rows.length - 1]!, settings.experimentType);
  const shared = { settings, current: current.config, acceleratorModel: usage.acceleratorModel, evidence };
  const situationIn = (term: Term) => ({ ...shared, jvm: jvmOfTerm(usage, startOfTerm(intervals, term)) });
  const plot = plotsOf(intervals);
  const terms = settings.terms.map(
    (term) => [term.name, available.has(term) ? recommendTerm(intervals, term, situationIn(term), plot) : unavailableTerm(term)] as const,
  );
  const notices: NotificationCode[] = [...available].flatMap(({ notice }) => (notice === undefined ? [] : [notice]));
  const instant = {
    notifications: notificationsOf([...notices, ...current.notices]),
    monitoring_end_time: monitoringEndTime,
    current: current.config,
    recommendation_terms: Object.fromEntries(terms),
  };
  return { version: '1.0', notifications: notificationsOf([111000]), data: { [monitoringEndTime]: instant } };
}

/** A term is available even if half a minute of its minimum observed time is missing. */
export const toleranceMinutes = 0.5;

/** Start of the term, Unix milliseconds: the end of the last interval minus the term's length. */
export function startOfTerm({ times, count }: Intervals, { days }: Term): number {
  return times[count - 1]! * 1000 - Math.round(days * 86_400_000);
}

/** Whether enough of the term was observed. Gaps are allowed. The interval exactly at the term's start does not count, as in Kruize. */
export function isAvailable(intervals: Intervals, term: Term, measurementDurationMinutes: number): boolean {
  const observedMinutes = observedIntervals(intervals, term) * measurementDurationMinutes;
  return observedMinutes >= minObservedMinutes(term, measurementDurationMinutes) - toleranceMinutes;
}

/** Number of intervals after the start of the term. */
export function observedIntervals(intervals: Intervals, term: Term): number {
  const startMs = startOfTerm(intervals, term);
  return intervals.count - firstInterval(intervals, (time) => time > startMs);
}

/** Minimum observed minutes of a term. */
export function minObservedMinutes({ minimum }: Term, measurementDurationMinutes: number): number {
  return 'minutes' in minimum ? minimum.minutes : ((measurementDurationMinutes * minimum.intervals) / 1440) * 24 * 60;
}

/** Index of the first interval that models use. Unlike plots, they include the interval exactly at the term's start, as in Kruize. */
export function firstOfTerm(intervals: Intervals, term: Term): number {
  const startMs = startOfTerm(intervals, term);
  return firstInterval(intervals, (time) => time >= startMs);
}

/** Builds an available term: an entry per model, even if it recommends nothing, and the plots. */
export function recommendTerm(intervals: Intervals, term: Term, situation: Situation, plot: PlotTerm): TermRecommendation {
  const { models, plots, measurementDurationMinutes } = situation.settings;
  const startMs = startOfTerm(intervals, term);
  const window = {
    startSeconds: startMs / 1000,
    endSeconds: intervals.times[intervals.count - 1]!,
    observedPart: Math.min(1, (observedIntervals(intervals, term) * measurementDurationMinutes) / (term.days * 1440)),
  };
  const usage = usageOfTerm(intervals, firstOfTerm(intervals, term), models);
  return {
    duration_in_hours: hoursOf(term),
    notifications: notificationsOf(models.map(({ notice }) => notice)),
    monitoring_start_time: isoTime(startMs),
    recommendation_engines: Object.fromEntries(models.map((model) => [model.name, recommendModel(usage, model, situation, window)])),
    ...(plots && term.plotBins > 0 ? { plots: plot(term, startMs) } : {}),
  };
}

/** A term with too little data. */
function unavailableTerm(term: Term): TermRecommendation {
  return { duration_in_hours: hoursOf(term), notifications: notificationsOf([120001]) };
}

/** The term's full length in hours, not the observed time, as in Kruize; two decimals. */
function hoursOf({ days }: Term): number {
  return Math.round(days * 24 * 100) / 100;
}
