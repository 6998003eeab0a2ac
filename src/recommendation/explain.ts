import { currentConfigOf } from './current-config.js';
import { explainResource } from './explain-resource.js';
import type { Intervals } from './intervals.js';
import { isoTime } from './iso-time.js';
import { measureIntervals } from './measure-intervals.js';
import type { UsageFile } from './read-usage-file.js';
import { recommend } from './recommend.js';
import { firstOfTerm, isAvailable, leastMinutes, observedIntervals, startOfTerm, toleranceMinutes } from './recommend-term.js';
import type { ResourceConfig, TermRecommendation } from './recommendations.js';
import { intervalRows } from './samples.js';
import { usageOfTerm } from './term-usage.js';
import type { Term } from './terms.js';

/** How the recommendation of a usage file comes about, in lines of text: for each term, model and resource. Pure, like the recommendation. */
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
      explainTerm(intervals, term, { file, current, told: instant?.recommendation_terms[term.name] }).map(indented),
    ),
  ];
}

interface Explained {
  readonly file: UsageFile;
  readonly current: ResourceConfig;
  /** What the engine says of the term. */
  readonly told: TermRecommendation | undefined;
}

function explainTerm(intervals: Intervals, term: Term, { file, current, told }: Explained): string[] {
  const { settings, evidence } = file;
  const minutes = settings.measurementDurationMinutes;
  const needed = Math.max(0, Math.ceil((leastMinutes(term, minutes) - toleranceMinutes) / minutes));
  const [first, startMs] = [firstOfTerm(intervals, term), startOfTerm(intervals, term)];
  const counts = `${intervals.count - first} intervals present, ${observedIntervals(intervals, term)} of them after its start, ${needed} needed`;
  const head = `${term.name}: window from ${isoTime(startMs)}, ${counts}`;
  if (!isAvailable(intervals, term, minutes)) return [`${head}: too few, so there is no recommendation`];
  const usage = usageOfTerm(intervals, first, settings.models);
  const window = { startSeconds: startMs / 1000, endSeconds: intervals.times[intervals.count - 1]! };
  const models = settings.models.flatMap((model) => {
    const sizing = { intervals, first, usage, model, settings, current, evidence, window };
    const lines = settings.types.resources.flatMap((resource) => explainResource[resource](sizing));
    const notifications = Object.values(told?.recommendation_engines?.[model.name]?.notifications ?? {});
    const said = notifications.map(({ code, message }) => `told: ${code} ${message}`);
    return [`${model.name}: ${usage.podsCount} pods at most`, ...[...lines, ...said].map(indented)];
  });
  return [`${head}: available`, ...models.map(indented)];
}

function indented(line: string): string {
  return `  ${line}`;
}
