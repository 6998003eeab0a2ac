import { type CurrentConfig, currentConfigOf } from './current-config.js';
import { explainCpu, explainMemory } from './explain-resource.js';
import type { Intervals } from './intervals.js';
import { isoTime } from './iso-time.js';
import { measureIntervals } from './measure-intervals.js';
import type { UsageFile } from './read-usage-file.js';
import { firstOfTerm, isAvailable, leastMinutes, observedIntervals, startOfTerm } from './recommend-term.js';
import { intervalRows } from './samples.js';
import { usageOfTerm } from './term-usage.js';
import type { Term } from './terms.js';

/** How the recommendation of a usage file comes about, in lines of text: for each term, model and resource. Pure, like the recommendation. */
export function explain({ usage, settings, subject }: UsageFile): string[] {
  const rows = intervalRows(usage);
  const intervals = measureIntervals(usage, settings.experimentType, rows);
  const what = subject.type === 'container' ? `container ${subject.namespace}/${subject.container}` : `namespace ${subject.namespace}`;
  const head = `${subject.name}: ${what}, ${intervals.count} intervals of ${settings.measurementDurationMinutes} min`;
  if (intervals.count === 0) return [`${head}: no samples, so there is no recommendation`];
  const current = currentConfigOf(usage, rows[rows.length - 1]!, settings.experimentType);
  const window = `from ${isoTime(intervals.times[0]! * 1000)} to ${isoTime(intervals.times[intervals.count - 1]! * 1000)}`;
  return [`${head}, ${window}`, ...settings.terms.flatMap((term) => explainTerm(intervals, term, current, settings).map(indented))];
}

function explainTerm(intervals: Intervals, term: Term, current: CurrentConfig, settings: UsageFile['settings']): string[] {
  const minutes = settings.measurementDurationMinutes;
  const needed = Math.max(0, Math.ceil((leastMinutes(term, minutes) - 0.5) / minutes));
  const first = firstOfTerm(intervals, term);
  const counts = `${intervals.count - first} intervals present, ${observedIntervals(intervals, term)} of them after its start, ${needed} needed`;
  const head = `${term.name}: window from ${isoTime(startOfTerm(intervals, term))}, ${counts}`;
  if (!isAvailable(intervals, term, minutes)) return [`${head}: too few, so there is no recommendation`];
  const usage = usageOfTerm(intervals, first, settings.models);
  const models = settings.models.flatMap((model) => {
    const asked = { intervals, first, usage, model, settings, current: current.config };
    const lines = { cpu: explainCpu(asked), memory: explainMemory(asked) };
    return [
      `${model.name}: ${usage.podsCount} pods at most`,
      ...settings.types.resources.flatMap((resource) => lines[resource]).map(indented),
    ];
  });
  return [`${head}: available`, ...models.map(indented)];
}

function indented(line: string): string {
  return `  ${line}`;
}
