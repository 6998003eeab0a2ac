import type { SyntaxNode } from '@lezer/common';
import type { ExperimentType } from '../../../experiments/experiment.js';
import { childrenOf, parsePromql, secondsOf, withoutParentheses } from '../../../promql/expression.js';
import { type WindowFunction, type Windows, windowFunctions } from '../../../remote-read/series-windows.js';

import {
  type AggregateOperator,
  aggregateOperators,
  type ChunkShape,
  type NotFromChunks,
  type Subquery,
  type SubqueryFunction,
  subqueryFunctions,
} from './chunk-shape.js';
import { readSelector, type Selector } from './read-selector.js';

/** Prometheus' default look-back: so old may the sample be that a bare selector takes. */
export const lookBackMs = 300_000;

type SeriesPart = Pick<ChunkShape, 'windows' | 'perSeries'> & { readonly selector: Selector };
type AggregatePart = SeriesPart & Pick<ChunkShape, 'operator' | 'groupBy'>;

/** Reads a profile's query, durations put in: its shape, or why chunks cannot answer it. */
export function readChunkShape(text: string, type: ExperimentType): ChunkShape | NotFromChunks {
  const top = parsePromql(text);
  if (!top) return { reason: 'is not PromQL' };
  const read = readWhole(withoutParentheses(top), text);
  if ('reason' in read) return read;
  const { selector, ...shape } = read;
  const { matchers, namespaceLabel, containerLabel } = selector;
  if (namespaceLabel === undefined) return { reason: 'is not cut by namespace="$NAMESPACE$"' };
  if (type === 'namespace') return containerLabel ? { reason: 'asks for a container' } : { ...shape, matchers, namespaceLabel };
  if (containerLabel === undefined) return { reason: 'is not cut by container="$CONTAINER_NAME$"' };
  return { ...shape, matchers, namespaceLabel, containerLabel };
}

/** An aggregation, or a subquery over one. */
function readWhole(node: SyntaxNode, text: string): (AggregatePart & { readonly afterwards?: Subquery }) | NotFromChunks {
  if (node.name === 'AggregateExpr') return readAggregate(node, text);
  const call = readSubquery(node, text);
  if (call?.inner.name !== 'AggregateExpr') return { reason: 'is no aggregation by labels' };
  const aggregate = readAggregate(call.inner, text);
  if ('reason' in aggregate) return aggregate;
  if (aggregate.perSeries) return { reason: 'has a subquery in a subquery' };
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

/** What is left of one series: its instants, windows over it, or a subquery over those. */
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
  if (!name || matrix?.name !== 'MatrixSelector' || others.length > 0) return { reason: `has ${node.name} where series are expected` };
  const [selector, range] = childrenOf(matrix);
  const windowFunction = nameOf(name, text);
  const seconds = range && secondsOf(range, text);
  if (!isOneOf<WindowFunction>(windowFunctions, windowFunction) || windowFunction === 'instant') {
    return { reason: `has the function ${windowFunction}` };
  }
  if (selector?.name !== 'VectorSelector' || !seconds) return { reason: 'has a range that is not plain' };
  return withSelector(selector, { function: windowFunction, rangeMs: seconds * 1000 }, text);
}

function withSelector(node: SyntaxNode, windows: Windows, text: string): SeriesPart | NotFromChunks {
  const selector = readSelector(node, text);
  return 'reason' in selector ? selector : { selector, windows };
}

/** `f_over_time(inner[range:step])` */
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
