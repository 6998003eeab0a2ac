import { type Experiment, experimentTypes } from '../../experiments/experiment.js';
import type { MetricProfile } from '../../profiles/metric-profile.js';
import { replaceDuration } from '../../profiles/placeholders.js';
import type { Settings } from '../../settings/settings-schema.js';
import { type UsageQuestion, usageQuestions } from '../usage-questions.js';
import { batchQuery, type KeyLabel } from './batch-query.js';
import { assumedScrapeSeconds, readQueryShape } from './read-query-shape.js';
import { substituteQuery } from './substitute-query.js';

/** An experiment and its place in the request. */
export interface PlacedExperiment {
  readonly experiment: Experiment;
  readonly index: number;
}

/** A query whose answer holds one question's series of some experiments. */
export interface PlannedQuery {
  readonly question: UsageQuestion;
  readonly query: string;
  readonly experiments: readonly PlacedExperiment[];
  /** Tells whose series is whose; empty = all are those of the one experiment. */
  readonly keyLabels: readonly KeyLabel[];
  /** Estimate of the samples that the datasource reads for one instant. */
  readonly samplesPerInstant: number;
}

export interface UsagePlan {
  readonly queries: readonly PlannedQuery[];
  /** Questions whose query is asked once an experiment, because its shape cannot be batched. */
  readonly unbatched: readonly UsageQuestion[];
}

/** How one question about all experiments of a type is asked. */
export interface QuestionPlan extends UsagePlan {
  readonly question: UsageQuestion;
  readonly experiments: readonly PlacedExperiment[];
}

export interface PlanContext {
  readonly profile: MetricProfile;
  readonly scope: Settings['USAGE_SCOPE'];
  readonly stepSeconds: number;
}

/** An instance's cost where its query's shape is not known: four series of a pod, each over the window. */
const unknownShapeSeries = 4;

/** The plans for everything that the engine reads of the experiments, accelerators apart: one for each variable and function that is asked. */
export function planUsageQueries(
  experiments: readonly Experiment[],
  context: PlanContext,
  isAsked: (question: UsageQuestion) => boolean = () => true,
): QuestionPlan[] {
  const placed = experiments.map((experiment, index) => ({ experiment, index }));
  return experimentTypes.flatMap((type) => {
    const ofType = placed.filter(({ experiment }) => experiment.type === type);
    const questions = ofType.length > 0 ? usageQuestions[type].filter(isAsked) : [];
    return questions.map((question) => ({ question, experiments: ofType, ...planQuestion(question, ofType, context) }));
  });
}

/** The queries for one question about experiments of one type; none where the profile does not have it. */
export function planQuestion(question: UsageQuestion, experiments: readonly PlacedExperiment[], context: PlanContext): UsagePlan {
  const query = context.profile.variables.get(question.variable)?.queries[question.function];
  return query === undefined ? { queries: [], unbatched: [] } : planQuery(query, question, experiments, context);
}

/** The same for a query that is given. */
export function planQuery(
  profileQuery: string,
  question: UsageQuestion,
  experiments: readonly PlacedExperiment[],
  { scope, stepSeconds }: PlanContext,
): UsagePlan {
  const type = experiments[0]?.experiment.type;
  if (type === undefined) return { queries: [], unbatched: [] };
  const text = replaceDuration(profileQuery, stepSeconds);
  const shape = readQueryShape(text, type);
  const batched =
    shape &&
    batchQuery(
      shape,
      experiments.map(({ experiment }) => experiment),
      scope,
    );
  if (batched) return { queries: [{ question, experiments, ...batched }], unbatched: [] };
  const queries = experiments.map((placed) => ({
    question,
    experiments: [placed],
    query: substituteQuery(text, placed.experiment),
    keyLabels: [],
    samplesPerInstant: placed.experiment.pods * unknownShapeSeries * Math.max(1, stepSeconds / assumedScrapeSeconds),
  }));
  return { queries, unbatched: [question] };
}
