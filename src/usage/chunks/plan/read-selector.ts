import type { SyntaxNode } from '@lezer/common';
import { childrenOf } from '../../promql/parse-promql.js';
import { countPlaceholders } from '../../promql/placeholders.js';
import type { Matcher } from '../series-windows.js';
import type { NotFromChunks } from './chunk-shape.js';

/** The matchers of a selector; the ones that cut it to an experiment are told apart by their label. */
export interface Selector {
  readonly matchers: readonly Matcher[];
  readonly namespaceLabel?: string;
  readonly containerLabel?: string;
}

const matcherTypes: Readonly<Record<string, Matcher['type']>> = { EqlSingle: '=', Neq: '!=', EqlRegex: '=~', NeqRegex: '!~' };
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'" };

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

function readMatcher(node: SyntaxNode, text: string): Matcher | undefined {
  if (node.name !== 'UnquotedLabelMatcher') return undefined;
  const [label, operator, literal] = childrenOf(node);
  const type = matcherTypes[operator?.firstChild?.name ?? ''];
  const value = literal && unquote(text.slice(literal.from, literal.to));
  if (!label || !type || value === undefined) return undefined;
  return { type, name: text.slice(label.from, label.to), value };
}

/** What a string literal of PromQL stands for; undefined where it has an escape that is not one of the usual. */
function unquote(literal: string): string | undefined {
  const inside = literal.slice(1, -1);
  if (literal.startsWith('`')) return inside;
  let isKnown = true;
  const value = inside.replace(/\\(.)/gs, (_, escaped: string) => {
    isKnown &&= escaped in escapes;
    return escapes[escaped] ?? '';
  });
  return isKnown ? value : undefined;
}
