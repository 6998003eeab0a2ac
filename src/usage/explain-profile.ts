import { type Experiment, type ExperimentType, experimentTypes } from '../experiments/experiment.js';
import type { MetricProfile } from '../profiles/metric-profile.js';
import { replaceDuration } from '../profiles/placeholders.js';
import type { Settings } from '../settings/settings-schema.js';
import { chunkShapeOf, joinsByNoLabel } from './from-chunks/plan-chunk-reads.js';
import { planProbe, planQuestion } from './from-promql/plan-usage-queries.js';
import { readQueryShape } from './from-promql/query-shape.js';
import { acceleratorQuestions, activityQuestion, type UsageQuestion, usageQuestions } from './usage-questions.js';

/** How one query of a metric profile is answered. */
export interface ExplainedQuery {
  readonly type: ExperimentType;
  /** `cpuUsage.avg` */
  readonly name: string;
  /** What answers it where the datasource has remote read; elsewhere PromQL answers. */
  readonly reader: 'chunks' | 'promql' | 'none';
  /** How PromQL is asked: once for all experiments of a shard, or once for each. */
  readonly asked?: 'batched' | 'each';
  /** Whether PromQL is asked a cheap probe first, and the query only where that has an answer. */
  readonly isProbed?: boolean;
  /** Why it is not answered from chunks, and why not batched. */
  readonly reason?: string;
}

interface ExplainContext {
  readonly profile: MetricProfile;
  readonly scope: Settings['USAGE_SCOPE'];
  readonly stepSeconds: number;
}

/** Questions that PromQL answers in any case. */
const neverFromChunks: readonly (readonly [UsageQuestion, string])[] = [
  [activityQuestion, 'asked only of idle containers'],
  [acceleratorQuestions.memory, 'tells which containers have an accelerator'],
  [acceleratorQuestions.core, 'asked only of containers with a supported accelerator'],
];

/** For each query of the profile that the engine asks: what answers it, and why. Queries that the engine never reads are left out. */
export function explainProfile(profile: MetricProfile, scope: Settings['USAGE_SCOPE'], stepSeconds = 900): ExplainedQuery[] {
  const context = { profile, scope, stepSeconds };
  const asked = experimentTypes.flatMap((type) =>
    usageQuestions[type].map((question) => explain(type, question, whyNotChunks(type, question, context), context)),
  );
  return [...asked, ...neverFromChunks.map(([question, why]) => explain('container', question, why, context))];
}

function explain(type: ExperimentType, question: UsageQuestion, whyPromql: string | undefined, context: ExplainContext): ExplainedQuery {
  const name = `${question.variable}.${question.function}`;
  const query = context.profile.variables.get(question.variable)?.queries[question.function];
  if (query === undefined) return { type, name, reader: 'none', reason: 'the profile has no such query' };
  const whyEach = whyNotBatched(type, question, query, context);
  const reason = [...new Set([whyPromql, whyEach])].filter((why) => why !== undefined).join('; ');
  const isProbed = planProbe(question, [anyOf[type]], context).length > 0;
  return {
    type,
    name,
    reader: whyPromql === undefined ? 'chunks' : 'promql',
    asked: whyEach === undefined ? 'batched' : 'each',
    isProbed,
    ...(reason && { reason }),
  };
}

function whyNotChunks(type: ExperimentType, question: UsageQuestion, context: ExplainContext): string | undefined {
  const shape = chunkShapeOf(question, type, context);
  return shape && 'reason' in shape ? shape.reason : undefined;
}

function whyNotBatched(type: ExperimentType, question: UsageQuestion, query: string, context: ExplainContext): string | undefined {
  if (planQuestion(question, [anyOf[type]], context).unbatched.length === 0) return undefined;
  const shape = readQueryShape(replaceDuration(query, context.stepSeconds), type);
  return shape ? joinsByNoLabel : 'its answer would not tell experiments apart';
}

const named = { name: 'n', datasource: 'd', clusterName: 'c', namespace: 'n', pods: 1 };

/** How a query is asked depends on its shape, not on the experiment. */
const anyOf: Readonly<Record<ExperimentType, { readonly experiment: Experiment; readonly index: number }>> = {
  container: {
    experiment: { ...named, type: 'container', workload: 'w', workloadType: 'deployment', container: 'c', image: '' },
    index: 0,
  },
  namespace: { experiment: { ...named, type: 'namespace' }, index: 0 },
};
