import type { Intervals } from './intervals.js';
import { isoTime } from './iso-time.js';
import { notificationsOf } from './notifications.js';
import type { PlotTerm } from './plots.js';
import { recommendModel, type Situation } from './recommend-model.js';
import type { TermRecommendation } from './recommendations.js';
import { firstInterval, usageOfTerm } from './term-usage.js';
import type { Term } from './terms.js';

/** Half a minute of the observed time may be missing. */
export const toleranceMinutes = 0.5;

/** When the term begins, Unix milliseconds: its length before the last interval. */
export function startOfTerm({ times, count }: Intervals, { days }: Term): number {
  return times[count - 1]! * 1000 - Math.round(days * 86_400_000);
}

/** Whether enough of the term was observed (recommendations.md 4.1): gaps are allowed, the interval at its very start does not count. */
export function isAvailable(intervals: Intervals, term: Term, measurementDurationMinutes: number): boolean {
  const observedMinutes = observedIntervals(intervals, term) * measurementDurationMinutes;
  return observedMinutes >= leastMinutes(term, measurementDurationMinutes) - toleranceMinutes;
}

/** Intervals after the very start of the term. */
export function observedIntervals(intervals: Intervals, term: Term): number {
  const startMs = startOfTerm(intervals, term);
  return intervals.count - firstInterval(intervals, (time) => time > startMs);
}

/** Least observed minutes of a term. */
export function leastMinutes({ least }: Term, measurementDurationMinutes: number): number {
  return 'minutes' in least ? least.minutes : ((measurementDurationMinutes * least.intervals) / 1440) * 24 * 60;
}

/** Index of the first interval that the models look at; the one at the very start of the term is included (E12). */
export function firstOfTerm(intervals: Intervals, term: Term): number {
  const startMs = startOfTerm(intervals, term);
  return firstInterval(intervals, (time) => time >= startMs);
}

/** A term that is available: every model, even one that can recommend nothing, and the plots. */
export function recommendTerm(intervals: Intervals, term: Term, situation: Situation, plot: PlotTerm): TermRecommendation {
  const { models, plots } = situation.settings;
  const startMs = startOfTerm(intervals, term);
  const window = {
    startSeconds: startMs / 1000,
    endSeconds: intervals.times[intervals.count - 1]!,
    observedPart: observedPart(intervals, term, situation.settings.measurementDurationMinutes),
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

/** How much of the term was observed, 0 to 1. */
function observedPart(intervals: Intervals, term: Term, measurementDurationMinutes: number): number {
  return Math.min(1, (observedIntervals(intervals, term) * measurementDurationMinutes) / (term.days * 1440));
}

/** A term with too little data. */
export function unavailableTerm(term: Term): TermRecommendation {
  return { duration_in_hours: hoursOf(term), notifications: notificationsOf([120001]) };
}

/** The term's whole length, whatever was observed (E3), with two decimals. */
function hoursOf({ days }: Term): number {
  return Math.round(days * 24 * 100) / 100;
}
