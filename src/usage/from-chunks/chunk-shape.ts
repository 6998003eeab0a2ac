import type { SyntaxNode } from '@lezer/common';
import type { ExperimentType } from '../../experiments/experiment.js';
import { countPlaceholders } from '../../profiles/placeholders.js';
import { childrenOf, parsePromql, secondsOf, withoutParentheses } from '../../promql/expression.js';
import { type Matcher, readMatcher } from '../../promql/matcher.js';
import { type WindowFunction, type Windows, windowFunctions } from '../../remote-read/series-windows.js';

export const aggregateOperators = ['sum', 'avg', 'min', 'max', 'count'] as const;
/** How the series of one experiment are aggregated. */
export type AggregateOperator = (typeof aggregateOperators)[number];

export type SubqueryFunction = Extract<WindowFunction, `${string}_over_time`>;
const subqueryFunctions = windowFunctions.filter((name): name is SubqueryFunction => name.endsWith('_over_time'));

/** `function(…[range:step])`: evaluates the inner expression at every multiple of the step, then applies the function to the range. */
export interface Subquery {
  readonly function: SubqueryFunction;
  readonly rangeMs: number;
  /** Absent = the datasource's evaluation interval. */
  readonly stepMs?: number;
}

/**
 * A query that can be computed from chunks: `operator by (groupBy) (windows(selector))`. A subquery may enclose the windows of each series
 * or the complete aggregation.
 */
export interface ChunkShape {
  /** The selector's matchers that do not depend on the experiment, `__name__` first. */
  readonly matchers: readonly Matcher[];
  readonly namespaceLabel: string;
  /** Absent in queries of namespaces. */
  readonly containerLabel?: string;
  readonly windows: Windows;
  readonly perSeries?: Subquery;
  readonly operator: AggregateOperator;
  readonly groupBy: readonly string[];
  readonly afterwards?: Subquery;
}

/** Why a query must be sent as PromQL. */
export interface NotFromChunks {
  readonly reason: string;
}

/** How far one instant looks back, ms; without the look-back of a bare selector. */
export function reachMs({ windows, perSeries }: Pick<ChunkShape, 'windows' | 'perSeries'>): number {
  const own = windows.function === 'instant' ? 0 : windows.rangeMs;
  return own + (perSeries?.rangeMs ?? 0);
}

/** The matchers of a selector, apart from those for the experiment, of which only the labels are kept. */
export interface Selector {
  readonly matchers: readonly Matcher[];
  readonly namespaceLabel?: string;
  readonly containerLabel?: string;
}

/** Reads a VectorSelector of PromQL. */
export function readSelector(node: SyntaxNode, text: string): Selector | NotFromChunks {
  const name = childrenOf(node).find((child) => child.name === 'Identifier');
  const labels = childrenOf(node).find((child) => child.name === 'LabelMatchers');
  const matchers: Matcher[] = name ? [{ type: '=', name: '__name__', value: text.slice(name.from, name.to) }] : [];
  const labelsOf: { namespaceLabel?: string; containerLabel?: string } = {};
  for (const child of labels ? childrenOf(labels) : []) {
    const matcher = readMatcher(child, text);
    if (!matcher) return { reason: `cannot read the matcher ${text.slice(child.from, child.to)}` };
    const isEquality = matcher.type === '=';
    if (isEquality && matcher.value === '$NAMESPACE$' && !labelsOf.namespaceLabel) labelsOf.namespaceLabel = matcher.name;
    else if (isEquality && matcher.value === '$CONTAINER_NAME$' && !labelsOf.containerLabel) labelsOf.containerLabel = matcher.name;
    else if (countPlaceholders(matcher.value) > 0) return { reason: `has an unknown placeholder in ${text.slice(child.from, child.to)}` };
    else matchers.push(matcher);
  }
  return { matchers, ...labelsOf };
}

/** Prometheus' default look-back: a bare selector takes a sample at most this old. */
export const lookBackMs = 300_000;

type SeriesPart = Pick<ChunkShape, 'windows' | 'perSeries'> & { readonly selector: Selector };
type AggregatePart = SeriesPart & Pick<ChunkShape, 'operator' | 'groupBy'>;

/** Reads the shape of a profile's query in which durations are already replaced, or why it cannot be computed from chunks. */
export function readChunkShape(text: string, type: ExperimentType): ChunkShape | NotFromChunks {
  const top = parsePromql(text);
  if (!top) return { reason: 'is not PromQL' };
  const read = readQuery(withoutParentheses(top), text);
  if ('reason' in read) return read;
  const { selector, ...shape } = read;
  const { matchers, namespaceLabel, containerLabel } = selector;
  if (namespaceLabel === undefined) return { reason: 'does not select namespace="$NAMESPACE$"' };
  if (type === 'namespace') return containerLabel ? { reason: 'selects a container' } : { ...shape, matchers, namespaceLabel };
  if (containerLabel === undefined) return { reason: 'does not select container="$CONTAINER_NAME$"' };
  return { ...shape, matchers, namespaceLabel, containerLabel };
}

/** Reads an aggregation, or a subquery over one. */
function readQuery(node: SyntaxNode, text: string): (AggregatePart & { readonly afterwards?: Subquery }) | NotFromChunks {
  if (node.name === 'AggregateExpr') return readAggregate(node, text);
  const call = readSubquery(node, text);
  if (call?.inner.name !== 'AggregateExpr') return { reason: 'is not an aggregation by labels' };
  const aggregate = readAggregate(call.inner, text);
  if ('reason' in aggregate) return aggregate;
  if (aggregate.perSeries) return { reason: 'has nested subqueries' };
  return { ...aggregate, afterwards: call.subquery };
}

function readAggregate(node: SyntaxNode, text: string): AggregatePart | NotFromChunks {
  const children = childrenOf(node);
  const operator = nameOf(children[0]!, text);
  const modifier = children.find((child) => child.name === 'AggregateModifier');
  const operands = childrenOf(children.find((child) => child.name === 'FunctionCallBody') ?? node);
  if (!isOneOf(aggregateOperators, operator) || operands.length !== 1) return { reason: `aggregates with ${operator}` };
  const [keyword, labels] = modifier ? childrenOf(modifier) : [];
  if (keyword && keyword.name !== 'By') return { reason: 'aggregates without labels' };
  const groupBy = labels ? childrenOf(labels).map((label) => text.slice(label.from, label.to)) : [];
  const series = readSeries(withoutParentheses(operands[0]!), text);
  return 'reason' in series ? series : { ...series, operator: operator satisfies AggregateOperator, groupBy };
}

/** Reads the expression for one series: a bare selector, windows over it, or a subquery over those. */
function readSeries(node: SyntaxNode, text: string): SeriesPart | NotFromChunks {
  const call = readSubquery(node, text);
  if (!call) return readWindows(node, text);
  const inner = readWindows(call.inner, text);
  return 'reason' in inner ? inner : { ...inner, perSeries: call.subquery };
}

function readWindows(node: SyntaxNode, text: string): SeriesPart | NotFromChunks {
  if (node.name === 'VectorSelector') return withSelector(node, { function: 'instant', rangeMs: lookBackMs }, text);
  const [name, body] = node.name === 'FunctionCall' ? childrenOf(node) : [];
  const [matrix, ...others] = body ? childrenOf(body) : [];
  if (!name || matrix?.name !== 'MatrixSelector' || others.length > 0) return { reason: `has ${node.name} instead of series` };
  const [selector, range] = childrenOf(matrix);
  const windowFunction = nameOf(name, text);
  const seconds = range && secondsOf(range, text);
  if (!isOneOf<WindowFunction>(windowFunctions, windowFunction) || windowFunction === 'instant') {
    return { reason: `has the function ${windowFunction}` };
  }
  if (selector?.name !== 'VectorSelector' || !seconds) return { reason: 'has a range that is not a duration' };
  return withSelector(selector, { function: windowFunction, rangeMs: seconds * 1000 }, text);
}

function withSelector(node: SyntaxNode, windows: Windows, text: string): SeriesPart | NotFromChunks {
  const selector = readSelector(node, text);
  return 'reason' in selector ? selector : { selector, windows };
}

/** Reads `f_over_time(inner[range:step])`; undefined if the node has another form. */
function readSubquery(node: SyntaxNode, text: string): { subquery: Subquery; inner: SyntaxNode } | undefined {
  const [name, body] = node.name === 'FunctionCall' ? childrenOf(node) : [];
  const operands = body ? childrenOf(body) : [];
  const [inner, range, step] = operands.length === 1 && operands[0]!.name === 'SubqueryExpr' ? childrenOf(operands[0]!) : [];
  const subqueryFunction = name && nameOf(name, text);
  const seconds = range && secondsOf(range, text);
  const stepSeconds = step && secondsOf(step, text);
  if (!inner || !seconds || !isOneOf<SubqueryFunction>(subqueryFunctions, subqueryFunction) || (step && !stepSeconds)) return undefined;
  const subquery = { function: subqueryFunction, rangeMs: seconds * 1000, ...(stepSeconds && { stepMs: stepSeconds * 1000 }) };
  return { subquery, inner: withoutParentheses(inner) };
}

function nameOf(node: SyntaxNode, text: string): string {
  return text.slice(node.from, node.to).toLowerCase();
}

function isOneOf<T extends string>(known: readonly T[], name: string | undefined): name is T {
  return known.some((each) => each === name);
}
