import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** Trees by text: the few queries of profiles are looked at for every shard. */
const parsed = new Map<string, SyntaxNode | undefined>();
const mostParsed = 1_000;

/** The syntax tree's top expression, or undefined where the text is not one PromQL expression. */
export function parsePromql(text: string): SyntaxNode | undefined {
  if (parsed.has(text)) return parsed.get(text);
  const top = parser.parse(text).topNode;
  const expression = faultPosition(top) === undefined ? childrenOf(top)[0] : undefined;
  if (parsed.size >= mostParsed) parsed.clear();
  parsed.set(text, expression);
  return expression;
}

export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (child.name !== 'LineComment') children.push(child);
  }
  return children;
}

/** What stands in the parentheses, if any. */
export function withoutParentheses(node: SyntaxNode): SyntaxNode {
  const [inner] = node.name === 'ParenExpr' ? childrenOf(node) : [];
  return inner ? withoutParentheses(inner) : node;
}

/** Every node of that name at or below `top`, in the order of the text. */
export function nodesNamed(top: SyntaxNode, name: string): SyntaxNode[] {
  const below = childrenOf(top).flatMap((child) => nodesNamed(child, name));
  return top.name === name ? [top, ...below] : below;
}

/** Why a text is not PromQL. */
export interface PromqlFault {
  /** Where it stands, from 0. */
  readonly position: number;
  /** The fault in words, its position included. */
  readonly what: string;
}

/** The first fault of the text, a call of a function that Prometheus does not have told as such; undefined = none. */
export function findSyntaxFault(text: string): PromqlFault | undefined {
  const position = text.trim() === '' ? 0 : faultPosition(parser.parse(text).topNode);
  if (position === undefined) return undefined;
  return unknownFunction(text, position) ?? { position, what: `not PromQL from position ${position} on` };
}

/** The grammar takes a name that is no function for a metric, and stumbles at the bracket behind it. */
function unknownFunction(text: string, stumble: number): PromqlFault | undefined {
  const call = /([a-z_:][\w:]*)\s*$/i.exec(text.slice(0, stumble));
  if (!call || !/^\s*\(/.test(text.slice(stumble))) return undefined;
  return { position: call.index, what: `unknown function ${call[1]} at position ${call.index}` };
}

function faultPosition(node: SyntaxNode): number | undefined {
  if (node.type.isError) return node.from;
  for (let child = node.firstChild; child; child = child.nextSibling) {
    const position = faultPosition(child);
    if (position !== undefined) return position;
  }
  return undefined;
}

/** Replaces the text between two positions; from = to inserts. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Applies edits that do not overlap; their order does not matter, except that insertions at one place keep it. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let edited = '';
  let position = 0;
  for (const edit of [...edits].sort((a, b) => a.from - b.from || a.to - b.to)) {
    edited += text.slice(position, edit.from) + edit.text;
    position = edit.to;
  }
  return edited + text.slice(position);
}

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 };

/** Seconds of `15m`, `1h30m` or `900`; undefined for anything that must be computed. */
export function secondsOf(node: SyntaxNode, text: string): number | undefined {
  const duration = text.slice(node.from, node.to).trim();
  if (/^\d+(\.\d+)?$/.test(duration)) return Number(duration);
  if (!/^(\d+(ms|[smhdwy]))+$/.test(duration)) return undefined;
  return [...duration.matchAll(/(\d+)(ms|[smhdwy])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * unitSeconds[unit!]!, 0);
}
