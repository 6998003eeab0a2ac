import { currentConfigOf } from './current-config.js';
import { type Evidence, noEvidence } from './evidence.js';
import { isoTime } from './iso-time.js';
import { jvmOfTerm } from './jvm-of-term.js';
import { measureIntervals } from './measure-intervals.js';
import { type NotificationCode, notificationsOf } from './notifications.js';
import { plotsOf } from './plots.js';
import { isAvailable, recommendTerm, startOfTerm, unavailableTerm } from './recommend-term.js';
import type { RecommendationSettings } from './recommendation-settings.js';
import type { Recommendations } from './recommendations.js';
import { intervalRows } from './samples.js';
import type { Term } from './terms.js';
import type { UsageTable } from './usage-table.js';

/**
 * Sizes one container or namespace from its usage, as the reference does (recommendations.md; decisions.md "Numbers" says where not).
 * `evidence` is looked at only where the settings' extras ask for it. Pure; never throws for a table whose columns have the table's length; every number in the answer is finite.
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
