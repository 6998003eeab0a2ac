import { type ExperimentType, experimentTypes } from '../../../experiments/experiment.js';
import type { Settings } from '../../../settings/settings-schema.js';
import type { MetricProfile } from '../../read-metric-profile.js';
import { acceleratorQuestions, activityQuestion, type UsageQuestion, usageQuestions } from '../../usage-questions.js';
import { chunkShapeOf } from './plan-chunk-reads.js';

/** How one query of a metric profile is answered, where the datasource has remote read. */
export interface ExplainedQuery {
  readonly type: ExperimentType;
  /** `cpuUsage.avg` */
  readonly name: string;
  readonly reader: 'chunks' | 'promql' | 'none';
  /** Why it is not answered from chunks. */
  readonly reason?: string;
}

/** Which of a profile's queries are answered from chunks, which by PromQL, and why; those that the engine never reads are left out. */
export function explainProfile(profile: MetricProfile, scope: Settings['USAGE_SCOPE'], stepSeconds = 900): ExplainedQuery[] {
  const explain = (type: ExperimentType, question: UsageQuestion): ExplainedQuery => {
    const name = `${question.variable}.${question.function}`;
    const shape = chunkShapeOf(question, type, { profile, scope, stepSeconds });
    if (!shape) return { type, name, reader: 'none', reason: 'the profile has no such query' };
    return 'reason' in shape ? { type, name, reader: 'promql', reason: shape.reason } : { type, name, reader: 'chunks' };
  };
  const asked = experimentTypes.flatMap((type) => usageQuestions[type].map((question) => explain(type, question)));
  return [...asked, ...[activityQuestion, ...Object.values(acceleratorQuestions)].map((question) => askedAnyway(profile, question))];
}

/** Questions that are rarely asked, or about few series. */
function askedAnyway(profile: MetricProfile, { variable, function: name }: UsageQuestion): ExplainedQuery {
  const isThere = profile.variables.get(variable)?.queries[name] !== undefined;
  const explained = { type: 'container', name: `${variable}.${name}` } as const;
  if (!isThere) return { ...explained, reader: 'none', reason: 'the profile has no such query' };
  return {
    ...explained,
    reader: 'promql',
    reason: variable === activityQuestion.variable ? 'asked only of idle containers' : 'asked once a shard, as a probe',
  };
}
