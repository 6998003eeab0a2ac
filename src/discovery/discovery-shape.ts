import type { SyntaxNode } from '@lezer/common';
import { childrenOf, parsePromql, secondsOf, withoutParentheses } from '../promql/expression.js';
import { type Matcher, readMatchers } from '../promql/matcher.js';
import type { WindowFunction, Windows } from '../remote-read/series-windows.js';

/** `F(S[range])`: a function over the windows of a selector's series, with one result per series. */
export interface SeriesVector {
  readonly matchers: readonly Matcher[];
  readonly windows: Windows;
}

/** The side of a join that has one series for each set of `on` labels. */
export interface OneSide {
  readonly vector: SeriesVector;
  /** `topk by (the labels of on) (1, …)`: the series with the largest value matches. Without it, a second series is an error. */
  readonly isTop: boolean;
  /** `> bool number`: 1 for larger values, else 0. */
  readonly above?: number;
}

/** `… * on (on) group_left (include) …` */
export interface Join {
  readonly on: readonly string[];
  readonly include: readonly string[];
  readonly side: OneSide;
}

/** A discovery query that can be computed from chunks: `sum by (groupBy) (vector)`, or `sum by (groupBy) (vector * on … group_left … side)`. */
export interface DiscoveryShape {
  readonly groupBy: readonly string[];
  readonly vector: SeriesVector;
  readonly join?: Join;
}

/** Functions that have a value if the window has a sample. */
const known = ['avg_over_time', 'min_over_time', 'max_over_time', 'sum_over_time', 'count_over_time', 'last_over_time'] as const;

/** Parses a query with its durations filled in; undefined = it cannot be computed from chunks. */
export function readDiscoveryShape(text: string): DiscoveryShape | undefined {
  const top = parsePromql(text);
  const sum = top && readAggregate(withoutParentheses(top), text);
  const [operand, ...others] = sum?.operands ?? [];
  if (sum?.operator !== 'sum' || !operand || others.length > 0) return undefined;
  const inner = withoutParentheses(operand);
  const alone = readVector(inner, text);
  if (alone) return { groupBy: sum.by, vector: alone };
  const joined = readJoin(inner, text);
  return joined && { groupBy: sum.by, ...joined };
}

/** `vector * on (…) group_left (…) side` */
function readJoin(node: SyntaxNode, text: string): { vector: SeriesVector; join: Join } | undefined {
  const [left, operator, clause, right] = node.name === 'BinaryExpr' ? childrenOf(node) : [];
  if (!left || !right || operator?.name !== 'Mul' || clause?.name !== 'MatchingModifierClause') return undefined;
  const [keyword, onLabels, card, includeLabels] = childrenOf(clause);
  if (keyword?.name !== 'On' || card?.name !== 'GroupLeft') return undefined;
  const on = readLabels(onLabels, text);
  const include = includeLabels ? readLabels(includeLabels, text) : [];
  const vector = readVector(withoutParentheses(left), text);
  const side = on && readOneSide(withoutParentheses(right), on, text);
  return on && include && vector && side && { vector, join: { on, include, side } };
}

function readOneSide(node: SyntaxNode, on: readonly string[], text: string): OneSide | undefined {
  if (node.name !== 'BinaryExpr') return readChoice(node, on, text);
  const [left, operator, modifier, right, ...others] = childrenOf(node);
  const above = right?.name === 'NumberDurationLiteral' ? Number(text.slice(right.from, right.to)) : Number.NaN;
  const isComparison = operator?.name === 'Gtr' && modifier?.name === 'BoolModifier' && others.length === 0;
  if (!left || !isComparison || Number.isNaN(above)) return undefined;
  const choice = readChoice(withoutParentheses(left), on, text);
  return choice && { ...choice, above };
}

/** A vector, or `topk by (on) (1, vector)`. */
function readChoice(node: SyntaxNode, on: readonly string[], text: string): OneSide | undefined {
  const top = readAggregate(node, text);
  const [count, operand] = top?.operands ?? [];
  const isOne = count !== undefined && text.slice(count.from, count.to) === '1';
  if (top && (top.operator !== 'topk' || !isOne || !hasSame(top.by, on))) return undefined;
  const vector = readVector(operand ? withoutParentheses(operand) : node, text);
  return vector && { vector, isTop: top !== undefined };
}

/** An aggregation with `by`, before or after the operand. */
function readAggregate(node: SyntaxNode, text: string) {
  if (node.name !== 'AggregateExpr') return undefined;
  const children = childrenOf(node);
  const [operator] = children;
  const modifier = children.find(({ name }) => name === 'AggregateModifier');
  const body = children.find(({ name }) => name === 'FunctionCallBody');
  const [keyword, labels] = modifier ? childrenOf(modifier) : [];
  const by = keyword?.name === 'By' ? readLabels(labels, text) : undefined;
  return operator && by && body && { operator: textOf(operator, text), by, operands: childrenOf(body) };
}

/** A function over the samples of a plain range of one metric's series. */
function readVector(node: SyntaxNode, text: string): SeriesVector | undefined {
  const [name, body] = node.name === 'FunctionCall' ? childrenOf(node) : [];
  const [matrix, ...others] = body ? childrenOf(body) : [];
  const [selector, range] = matrix?.name === 'MatrixSelector' ? childrenOf(matrix) : [];
  if (!name || others.length > 0 || selector?.name !== 'VectorSelector' || !range) return undefined;
  const windowFunction = known.find((each) => each === textOf(name, text)) satisfies WindowFunction | undefined;
  const seconds = secondsOf(range, text);
  const matchers = readMatchers(selector, text);
  // In PromQL, series that differ only in their metric name are an error here.
  const [metric, ...metrics] = matchers?.filter(({ name: label }) => label === '__name__') ?? [];
  if (!windowFunction || !seconds || !matchers || metric?.type !== '=' || metrics.length > 0) return undefined;
  return { matchers, windows: { function: windowFunction, rangeMs: Math.round(seconds * 1000) } };
}

/** The labels in parentheses. The metric name is not supported: functions drop it. */
function readLabels(node: SyntaxNode | undefined, text: string): string[] | undefined {
  const labels = node?.name === 'GroupingLabels' ? childrenOf(node) : undefined;
  const names = labels?.map((label) => text.slice(label.from, label.to));
  const arePlain = labels?.every(({ name }) => name === 'LabelName') && !names?.includes('__name__');
  return arePlain ? names : undefined;
}

function hasSame(some: readonly string[], others: readonly string[]): boolean {
  return some.every((label) => others.includes(label)) && others.every((label) => some.includes(label));
}

function textOf(node: SyntaxNode, text: string): string {
  return text.slice(node.from, node.to).toLowerCase();
}
