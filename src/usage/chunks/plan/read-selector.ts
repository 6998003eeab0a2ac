import type { SyntaxNode } from '@lezer/common';
import { countPlaceholders } from '../../../profiles/placeholders.js';
import { childrenOf } from '../../../promql/expression.js';
import { type Matcher, readMatcher } from '../../../promql/matcher.js';
import type { NotFromChunks } from './chunk-shape.js';

/** The matchers of a selector; the ones that cut it to an experiment are told apart by their label. */
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
  const cuts: { namespaceLabel?: string; containerLabel?: string } = {};
  for (const child of labels ? childrenOf(labels) : []) {
    const matcher = readMatcher(child, text);
    if (!matcher) return { reason: `cannot read the matcher ${text.slice(child.from, child.to)}` };
    const isEquality = matcher.type === '=';
    if (isEquality && matcher.value === '$NAMESPACE$' && !cuts.namespaceLabel) cuts.namespaceLabel = matcher.name;
    else if (isEquality && matcher.value === '$CONTAINER_NAME$' && !cuts.containerLabel) cuts.containerLabel = matcher.name;
    else if (countPlaceholders(matcher.value) > 0)
      return { reason: `does not know the placeholder in ${text.slice(child.from, child.to)}` };
    else matchers.push(matcher);
  }
  return { matchers, ...cuts };
}
