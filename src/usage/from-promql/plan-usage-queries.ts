import type { SyntaxNode } from '@lezer/common';
import { type Experiment, experimentTypes } from '../../experiments/experiment.js';
import { PlacedExperiment } from '../../owners/places.js';
import type { MetricProfile } from '../../profiles/metric-profile.js';
import { replaceDuration, replaceExperiment } from '../../profiles/placeholders.js';
import { applyEdits, nodesNamed, parsePromql } from '../../promql/expression.js';
import { escapeRegex, escapeString } from '../../promql/matcher.js';
import type { Settings } from '../../settings/settings-schema.js';
import { acceleratorQuestions, type UsageQuestion, usageQuestions } from '../usage-questions.js';
import { batchQuery, type KeyLabel } from './batch-query.js';
import { assumedScrapeSeconds, readQueryShape } from './query-shape.js';

/**
 * A cheaper equal of the profile's maxDate query, `…(last_over_time((timestamp(S > 0))[15d:]))`, of which only matters whether it answers anything
 * (spec: recommendations.md E1). It does where at any of the 21,600 minutes of 15 days the latest sample of S was above zero, that is, where a
 * sample above zero exists: where the largest sample is above zero (17 times as fast, measured). The two differ only for a container whose samples
 * above zero were each followed by a zero within the same minute. A query of another shape is asked as it is.
 */
export function activityQuery(maxDateQuery: string): string {
  const top = parsePromql(maxDateQuery);
  const selectors = top ? nodesNamed(top, 'VectorSelector') : [];
  const [selector] = selectors;
  if (selectors.length !== 1 || !selector || !isTimestampOfPositive(selector, maxDateQuery)) return maxDateQuery;
  return `max(max_over_time(${maxDateQuery.slice(selector.from, selector.to)}[15d])) > 0`;
}

/** Whether the selector stands in `timestamp(S > 0)` and that in `[15d:]`. */
function isTimestampOfPositive(selector: SyntaxNode, text: string): boolean {
  const comparison = selector.parent;
  const call = comparison?.parent?.parent;
  const isPositive = comparison?.name === 'BinaryExpr' && /^>\s*0$/.test(text.slice(selector.to, comparison.to).trim());
  const isTimestamp = call?.name === 'FunctionCall' && call.firstChild?.firstChild?.name === 'Timestamp';
  return isPositive && isTimestamp && text.includes('[15d:]');
}

/**
 * The query for one experiment, as the reference asks it: placeholders become the experiment's values (spec: recommendations.md 1.1), but
 * escaped for the string, and the regular expression, that they stand in. `text` is PromQL, durations put in.
 */
export function substituteQuery(text: string, experiment: Experiment): string {
  const top = parsePromql(text);
  const literals = top ? nodesNamed(top, 'StringLiteral') : [];
  const edits = literals.map((literal) => ({
    from: literal.from,
    to: literal.to,
    text: substituteLiteral(text.slice(literal.from, literal.to), experiment, isRegex(literal)),
  }));
  return applyEdits(text, edits);
}

/** A raw string (backticks) knows no escapes, so it becomes a quoted one. */
function substituteLiteral(literal: string, experiment: Experiment, isRegex: boolean): string {
  const isRaw = literal.startsWith('`');
  const quote = isRaw ? '"' : literal[0]!;
  const inside = literal.slice(1, -1);
  const plain = isRaw ? escapeString(inside) : inside;
  const escaped = (value: string) => escapeString(isRegex ? escapeRegex(value) : value, quote);
  return `${quote}${replaceExperiment(plain, experiment, escaped)}${quote}`;
}

function isRegex(literal: SyntaxNode): boolean {
  const operator = literal.parent?.getChild('MatchOp')?.firstChild?.name;
  return operator === 'EqlRegex' || operator === 'NeqRegex';
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

/** Queries that tell cheaply whether a question has any answer; empty = ask the question itself. */
export type ProbeQueries = readonly PlannedQuery[];

/**
 * Accelerators and runtimes are things that most containers do not have, and a question about them costs the datasource as much as one about CPU where
 * pods are joined to workloads: the owners of all pods are computed, with nothing to join. The same question without the join costs an index look-up.
 * Where the question is not joined anyway (USAGE_SCOPE `container`, namespaces) there is nothing to gain. Nor is there from chunks, where a selector without
 * series is an index look-up already.
 */
export function planProbe(question: UsageQuestion, experiments: readonly PlacedExperiment[], context: PlanContext): ProbeQueries {
  if (!isSeldom(question, context.profile)) return [];
  const unjoined = planQuestion(question, experiments, { ...context, scope: 'container' }).queries;
  const asked = new Set(planQuestion(question, experiments, context).queries.map(({ query }) => query));
  return unjoined.every(({ query }) => asked.has(query)) ? [] : unjoined;
}

/**
 * Whether most containers have nothing of it: an accelerator's memory (its core is asked for only where the memory showed one), and variables that need a layer
 * beside `container`, which all have.
 */
function isSeldom({ variable }: UsageQuestion, { variables }: MetricProfile): boolean {
  if (variable === acceleratorQuestions.memory.variable) return true;
  return (variables.get(variable)?.layersRequired ?? []).some((layer) => layer !== 'container');
}
