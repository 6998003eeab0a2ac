import type { SyntaxNode } from '@lezer/common';
import { type ContainerExperiment, type Experiment, experimentTypes } from '../../experiments/experiment.js';
import { lookBackSeconds, ownersQuery } from '../../owners/owner-sources.js';
import { PlacedExperiment } from '../../owners/places.js';
import type { MetricProfile } from '../../profiles/metric-profile.js';
import { replaceDuration, replaceExperiment } from '../../profiles/placeholders.js';
import { applyEdits, type Edit, nodesNamed, parsePromql } from '../../promql/expression.js';
import { escapeRegex, escapeString, matchAnyOf } from '../../promql/matcher.js';
import type { Settings } from '../../settings/settings-schema.js';
import { acceleratorQuestions, type UsageQuestion, usageQuestions } from '../usage-questions.js';
import { assumedScrapeSeconds, type PodExpression, type QueryShape, readQueryShape } from './query-shape.js';

/** A label of the returned series and the member of the experiment that it matches. */
export interface KeyLabel {
  readonly label: string;
  readonly member: keyof Pick<ContainerExperiment, 'namespace' | 'container' | 'workload' | 'workloadType'>;
}

/** One query for many experiments. */
export interface BatchedQuery {
  readonly query: string;
  /** Labels that map series to experiments. */
  readonly keyLabels: readonly KeyLabel[];
  /** Estimate of the samples that the datasource reads for one instant. */
  readonly samplesPerInstant: number;
}

/**
 * Writes one query for many experiments of one type. Equalities become matchers for all their names, groupings keep the labels that
 * identify experiments, and in scope `workload` pods are joined to their workloads. Undefined if the query has no labels for the join.
 */
export function batchQuery(
  shape: QueryShape,
  experiments: readonly Experiment[],
  scope: Settings['USAGE_SCOPE'],
): BatchedQuery | undefined {
  const containers = experiments.filter((experiment) => experiment.type === 'container');
  const isJoined = scope === 'workload' && containers.length > 0;
  if (isJoined && !shape.namespaceLabel.endsWith('namespace')) return undefined;
  const keyLabels = keyLabelsOf(shape, isJoined);
  const values = {
    namespace: experiments.map((experiment) => experiment.namespace),
    container: containers.map((experiment) => experiment.container),
  };
  const edits = [
    ...shape.matchers.map(({ field, label, from, to }) => ({ from, to, text: matchAnyOf(label, values[field]) })),
    ...shape.groupings.map(({ labels, from, to }) => {
      const names = new Set([...labels, ...keyLabels.map(({ label }) => label)]);
      return { from, to, text: `${from === to ? ' ' : ''}by (${[...names].join(', ')})` };
    }),
    ...(isJoined ? shape.podExpressions.flatMap((expression) => joinEdits(expression, shape, containers)) : []),
  ];
  const pods = experiments.reduce((sum, experiment) => sum + experiment.pods, 0);
  const reachSeconds = Math.max(...shape.podExpressions.map((expression) => expression.reachSeconds));
  const ownerSamples = isJoined ? (reachSeconds + lookBackSeconds) / assumedScrapeSeconds : 0;
  return { query: applyEdits(shape.text, edits), keyLabels, samplesPerInstant: pods * (shape.samplesPerInstant + ownerSamples) };
}

function keyLabelsOf({ namespaceLabel, containerLabel }: QueryShape, isJoined: boolean): KeyLabel[] {
  return [
    { label: namespaceLabel, member: 'namespace' },
    ...(containerLabel === undefined ? [] : [{ label: containerLabel, member: 'container' } as const]),
    ...(isJoined
      ? ([
          { label: 'workload', member: 'workload' },
          { label: 'workload_type', member: 'workloadType' },
        ] as const)
      : []),
  ];
}

/**
 * Joins pods to workloads by multiplying with 1, which changes no bit of a value. Prometheus processes joined series in an order that
 * varies, so sums and averages of two or more pods may differ in the last bit between calls and from the unjoined query.
 */
function joinEdits(expression: PodExpression, { namespaceLabel }: QueryShape, containers: readonly ContainerExperiment[]): Edit[] {
  const podLabel = `${namespaceLabel.slice(0, -'namespace'.length)}pod`;
  const owners = ownersQuery({
    namespaces: containers.map((experiment) => experiment.namespace),
    workloads: containers.map((experiment) => experiment.workload),
    reachSeconds: expression.reachSeconds,
    namespaceLabel,
    podLabel,
  });
  const join = `) * on (${namespaceLabel}, ${podLabel}) group_left (workload, workload_type) ${owners}`;
  return [
    { from: expression.from, to: expression.from, text: '(' },
    { from: expression.to, to: expression.to, text: join },
  ];
}

/**
 * A cheaper equivalent of the profile's maxDate query, `…(last_over_time((timestamp(S > 0))[15d:]))`. We only need to know whether it
 * returns anything: it does if S had a sample above zero in 15 days, that is, if its maximum is above zero. The equivalent is 17 times as
 * fast (measured). The results differ only for a container whose samples above zero were all followed by a zero within the same minute. A
 * query of another shape is returned unchanged.
 */
export function activityQuery(maxDateQuery: string): string {
  const top = parsePromql(maxDateQuery);
  const selectors = top ? nodesNamed(top, 'VectorSelector') : [];
  const [selector] = selectors;
  if (selectors.length !== 1 || !selector || !isTimestampOfPositive(selector, maxDateQuery)) return maxDateQuery;
  return `max(max_over_time(${maxDateQuery.slice(selector.from, selector.to)}[15d])) > 0`;
}

/** Whether the selector is inside `timestamp(S > 0)` and the query has `[15d:]`. */
function isTimestampOfPositive(selector: SyntaxNode, text: string): boolean {
  const comparison = selector.parent;
  const call = comparison?.parent?.parent;
  const isPositive = comparison?.name === 'BinaryExpr' && /^>\s*0$/.test(text.slice(selector.to, comparison.to).trim());
  const isTimestamp = call?.name === 'FunctionCall' && call.firstChild?.firstChild?.name === 'Timestamp';
  return isPositive && isTimestamp && text.includes('[15d:]');
}

/**
 * The query for one experiment: replaces placeholders with the experiment's values, as Kruize does, but escapes them for the string or
 * regular expression. `text` is PromQL in which durations are already replaced.
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

/** A raw string (backticks) has no escapes, so it becomes a quoted string. */
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

/** A query that returns the series of one question for some experiments. */
export interface PlannedQuery {
  readonly question: UsageQuestion;
  readonly query: string;
  readonly experiments: readonly PlacedExperiment[];
  /** Labels that map series to experiments; empty = all series belong to the only experiment. */
  readonly keyLabels: readonly KeyLabel[];
  /** Estimate of the samples that the datasource reads for one instant. */
  readonly samplesPerInstant: number;
}

export interface UsagePlan {
  readonly queries: readonly PlannedQuery[];
  /** Questions that need a query per experiment, because their shape cannot be batched. */
  readonly unbatched: readonly UsageQuestion[];
}

/** The queries for one question about all experiments of a type. */
export interface QuestionPlan extends UsagePlan {
  readonly question: UsageQuestion;
  readonly experiments: readonly PlacedExperiment[];
}

export interface PlanContext {
  readonly profile: MetricProfile;
  readonly scope: Settings['USAGE_SCOPE'];
  readonly stepSeconds: number;
}

/** Assumed cost of a query of unknown shape: four series per pod, each over the window. */
const unknownShapeSeries = 4;

/** Plans the queries for all that the engine reads, except accelerators: one plan per variable and function that `isRequested` accepts. */
export function planUsageQueries(
  experiments: readonly Experiment[],
  context: PlanContext,
  isRequested: (question: UsageQuestion) => boolean = () => true,
): QuestionPlan[] {
  const placed = experiments.map((experiment, index) => ({ experiment, index }));
  return experimentTypes.flatMap((type) => {
    const ofType = placed.filter(({ experiment }) => experiment.type === type);
    const questions = ofType.length > 0 ? usageQuestions[type].filter(isRequested) : [];
    return questions.map((question) => ({ question, experiments: ofType, ...planQuestion(question, ofType, context) }));
  });
}

/** Plans the queries for one question about experiments of one type; none if the profile does not have the variable. */
export function planQuestion(question: UsageQuestion, experiments: readonly PlacedExperiment[], context: PlanContext): UsagePlan {
  const query = context.profile.variables.get(question.variable)?.queries[question.function];
  return query === undefined ? { queries: [], unbatched: [] } : planQuery(query, question, experiments, context);
}

/** Like `planQuestion`, for a given query. */
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
  const unplaced = experiments.map(({ experiment }) => experiment);
  const batched = shape && batchQuery(shape, unplaced, scope);
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

/**
 * Plans cheap queries that tell whether a question about accelerators or runtimes has any series; empty = query without a probe. Most
 * containers have none. Joined to workloads, such a question costs the datasource as much as one about CPU: it computes the owners of all
 * pods even if there is nothing to join. The same query without the join costs an index look-up. Queries that are not joined anyway
 * (USAGE_SCOPE `container`, namespaces) need no probe. Nor do remote reads, where a selector without series is already an index look-up.
 */
export function planProbe(question: UsageQuestion, experiments: readonly PlacedExperiment[], context: PlanContext): UsagePlan['queries'] {
  if (!isRare(question, context.profile)) return [];
  const unjoined = planQuestion(question, experiments, { ...context, scope: 'container' }).queries;
  const joined = new Set(planQuestion(question, experiments, context).queries.map(({ query }) => query));
  return unjoined.every(({ query }) => joined.has(query)) ? [] : unjoined;
}

/**
 * Whether most containers have no such series: an accelerator's memory (its core is queried only if the memory has series), and variables
 * that require a layer other than `container`, which all have.
 */
function isRare({ variable }: UsageQuestion, { variables }: MetricProfile): boolean {
  if (variable === acceleratorQuestions.memory.variable) return true;
  return (variables.get(variable)?.layersRequired ?? []).some((layer) => layer !== 'container');
}
