import type { SyntaxNode } from '@lezer/common';
import type { ExperimentType } from '../../experiments/experiment.js';
import type { MetricProfile } from '../../profiles/metric-profile.js';
import { countPlaceholders, replaceDuration } from '../../profiles/placeholders.js';
import { childrenOf, nodesNamed, parsePromql, secondsOf } from '../../promql/expression.js';
import { usageQuestions } from '../usage-questions.js';

/** A matcher `label="$NAMESPACE$"` or `label="$CONTAINER_NAME$"` and its position in the query. */
export interface FieldMatcher {
  readonly field: 'namespace' | 'container';
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

/** The grouping of an aggregation; from = to if it has none. */
export interface Grouping {
  readonly labels: readonly string[];
  readonly from: number;
  readonly to: number;
}

/** An expression with separate series per pod, and how far it looks back. */
export interface PodExpression {
  readonly from: number;
  readonly to: number;
  readonly reachSeconds: number;
}

/** The positions to edit so that a query covers many experiments. */
export interface QueryShape {
  readonly text: string;
  readonly matchers: readonly FieldMatcher[];
  readonly namespaceLabel: string;
  /** Absent in queries of namespaces. */
  readonly containerLabel?: string;
  readonly groupings: readonly Grouping[];
  readonly podExpressions: readonly PodExpression[];
  /** Estimate of the samples that are read per series and instant, at a scrape interval of 30 s. */
  readonly samplesPerInstant: number;
}

/** Scrape interval that estimates assume. With a shorter one a query costs more than estimated. */
export const assumedScrapeSeconds = 30;
/** Prometheus' default evaluation interval, the step of subqueries like `[15m:]`. */
const defaultSubqueryStepSeconds = 60;

const fieldOfPlaceholder: Readonly<Record<string, FieldMatcher['field']>> = { $NAMESPACE$: 'namespace', $CONTAINER_NAME$: 'container' };
const requiredFields: Readonly<Record<ExperimentType, readonly FieldMatcher['field'][]>> = {
  container: ['namespace', 'container'],
  namespace: ['namespace'],
};

/** Functions that map each series of a vector to one series with the same labels. */
const keepsSeries =
  /^((avg|min|max|sum|count|first|last|stddev|stdvar|quantile|present|mad)_over_time|rate|irate|increase|delta|idelta|deriv|changes|resets|timestamp|abs|ceil|floor|round|clamp|clamp_min|clamp_max|sqrt|exp|ln|log2|log10|sgn|predict_linear)$/;

interface Visited {
  readonly isAggregated: boolean;
  readonly reachSeconds: number;
  readonly samples: number;
}

/** Collected while visiting the tree. */
interface Findings {
  readonly text: string;
  readonly needed: readonly FieldMatcher['field'][];
  readonly matchers: FieldMatcher[];
  readonly groupings: Grouping[];
  readonly podExpressions: PodExpression[];
}

type Visitor = (node: SyntaxNode, findings: Findings) => Visited | undefined;

/**
 * Reads the shape of a profile's query in which durations are already replaced. Undefined if one query cannot cover many experiments. It
 * can if every selector selects the experiment's namespace (and container) by equality, and nothing above it mixes series of different
 * namespaces (or containers) once their labels are added to all groupings. That allows aggregations with `by`, functions of one vector, and
 * arithmetic and comparison with a number.
 */
export function readQueryShape(text: string, type: ExperimentType): QueryShape | undefined {
  const top = parsePromql(text);
  const findings: Findings = { text, needed: requiredFields[type], matchers: [], groupings: [], podExpressions: [] };
  const visited = top && visit(top, findings);
  const knowsAllPlaceholders = countPlaceholders(text) === findings.matchers.length;
  const namespaceLabel = onlyLabel(findings.matchers, 'namespace');
  const containerLabel = onlyLabel(findings.matchers, 'container');
  const hasLabels = namespaceLabel !== undefined && (type === 'namespace' || containerLabel !== undefined);
  if (!top || !visited || !knowsAllPlaceholders || !hasLabels) return undefined;
  if (!visited.isAggregated) findings.podExpressions.push({ from: top.from, to: top.to, reachSeconds: visited.reachSeconds });
  return {
    text,
    matchers: findings.matchers,
    namespaceLabel,
    ...(containerLabel !== undefined && { containerLabel }),
    groupings: findings.groupings,
    podExpressions: findings.podExpressions,
    samplesPerInstant: visited.samples,
  };
}

const visitors: Readonly<Record<string, Visitor>> = {
  VectorSelector: (node, findings) => {
    const found = nodesNamed(node, 'UnquotedLabelMatcher').flatMap((matcher) => fieldMatcher(matcher, findings.text) ?? []);
    findings.matchers.push(...found);
    const isSelected = findings.needed.every((field) => found.some((matcher) => matcher.field === field));
    return isSelected ? { isAggregated: false, reachSeconds: 0, samples: 1 } : undefined;
  },
  MatrixSelector: (node, findings) => {
    const [selector, range] = childrenOf(node);
    return widen(selector, range, assumedScrapeSeconds, findings);
  },
  SubqueryExpr: (node, findings) => {
    const [inner, range, step] = childrenOf(node);
    const stepSeconds = step ? secondsOf(step, findings.text) : defaultSubqueryStepSeconds;
    return stepSeconds ? widen(inner, range, stepSeconds, findings) : undefined;
  },
  ParenExpr: (node, findings) => visitOnly(childrenOf(node), findings),
  FunctionCall: (node, findings) => {
    const [name, body] = childrenOf(node);
    const isKnown = name && body && keepsSeries.test(findings.text.slice(name.from, name.to).toLowerCase());
    return isKnown ? visitOnly(childrenOf(body), findings) : undefined;
  },
  BinaryExpr: (node, findings) => {
    const operands = childrenOf(node).filter((child) => child.name !== 'BoolModifier');
    const [left, , right] = operands;
    const hasNumber = left?.name === 'NumberDurationLiteral' || right?.name === 'NumberDurationLiteral';
    if (operands.length !== 3 || !left || !right || !hasNumber) return undefined;
    return visitOnly([left, right], findings);
  },
  AggregateExpr: (node, findings) => {
    const children = childrenOf(node);
    const grouping = groupingOf(children, findings.text);
    const argument = children.find((child) => child.name === 'FunctionCallBody');
    const operand = argument && childrenOf(argument).at(-1);
    const visited = operand && visit(operand, findings);
    if (!grouping || !visited) return undefined;
    findings.groupings.push(grouping);
    if (!visited.isAggregated) findings.podExpressions.push({ from: operand.from, to: operand.to, reachSeconds: visited.reachSeconds });
    return { ...visited, isAggregated: true };
  },
};

function visit(node: SyntaxNode, findings: Findings): Visited | undefined {
  return visitors[node.name]?.(node, findings);
}

/** Visits the only operand that is not a number. */
function visitOnly(operands: readonly SyntaxNode[], findings: Findings): Visited | undefined {
  const vectors = operands.filter((operand) => operand.name !== 'NumberDurationLiteral');
  return vectors.length === 1 ? visit(vectors[0]!, findings) : undefined;
}

/** Visits a vector over a range that has a sample every `everySeconds`. */
function widen(inner: SyntaxNode | undefined, range: SyntaxNode | undefined, everySeconds: number, findings: Findings) {
  const visited = inner && visit(inner, findings);
  const rangeSeconds = range && secondsOf(range, findings.text);
  if (!visited || !rangeSeconds) return undefined;
  const samples = visited.samples * Math.max(1, rangeSeconds / everySeconds);
  return { ...visited, reachSeconds: visited.reachSeconds + rangeSeconds, samples };
}

function fieldMatcher(matcher: SyntaxNode, text: string): FieldMatcher | undefined {
  const [label, operator, literal] = childrenOf(matcher);
  const isEquality = operator?.firstChild?.name === 'EqlSingle';
  const field = literal && fieldOfPlaceholder[text.slice(literal.from + 1, literal.to - 1)];
  if (!label || !isEquality || !field) return undefined;
  return { field, label: text.slice(label.from, label.to), from: matcher.from, to: matcher.to };
}

/** The grouping of an aggregation; undefined for `without`, which may drop required labels. */
function groupingOf(children: readonly SyntaxNode[], text: string): Grouping | undefined {
  const modifier = children.find((child) => child.name === 'AggregateModifier');
  if (!modifier) {
    const end = children[0]!.to;
    return { labels: [], from: end, to: end };
  }
  const [keyword, list] = childrenOf(modifier);
  if (keyword?.name !== 'By' || !list) return undefined;
  return { labels: childrenOf(list).map((label) => text.slice(label.from, label.to)), from: modifier.from, to: modifier.to };
}

function onlyLabel(matchers: readonly FieldMatcher[], field: FieldMatcher['field']): string | undefined {
  const labels = new Set(matchers.filter((matcher) => matcher.field === field).map((matcher) => matcher.label));
  return labels.size === 1 ? [...labels][0] : undefined;
}

/** Variables whose series are stored with their labels, so that one experiment may have several. */
const labelled = /^jvm/;

/** Aggregations whose results keep the labels of their input series. */
const keepsLabels = /\b(topk|bottomk|limitk|limit_ratio|count_values)\b/i;

/**
 * Whether each value of an experiment comes from exactly one series, for all queries of the profile. If a query returns several series, we
 * read the first; the first of a part of the window may be another one, so windows that were read at different times must not be combined.
 */
export function hasOneSeries({ variables }: MetricProfile, stepSeconds: number): boolean {
  return (['container', 'namespace'] as const).every((type) =>
    usageQuestions[type].every(({ variable, function: name }) => {
      const query = variables.get(variable)?.queries[name];
      if (query === undefined || labelled.test(variable)) return true;
      const shape = readQueryShape(replaceDuration(query, stepSeconds), type);
      if (!shape || keepsLabels.test(query)) return false;
      const ownLabels = [shape.namespaceLabel, shape.containerLabel];
      return shape.groupings.at(-1)?.labels.every((label) => ownLabels.includes(label)) ?? false;
    }),
  );
}
