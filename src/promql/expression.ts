import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** Cached trees by text: the few queries of the profiles are parsed for every shard. */
const parsed = new Map<string, SyntaxNode | undefined>();
const maxParsed = 1_000;

/** Parses a PromQL expression; undefined if the text is not exactly one expression. */
export function parsePromql(text: string): SyntaxNode | undefined {
  if (parsed.has(text)) return parsed.get(text);
  const top = parser.parse(text).topNode;
  const expression = faultPosition(top) === undefined ? childrenOf(top)[0] : undefined;
  if (parsed.size >= maxParsed) parsed.clear();
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

/** Removes enclosing parentheses. */
export function withoutParentheses(node: SyntaxNode): SyntaxNode {
  const [inner] = node.name === 'ParenExpr' ? childrenOf(node) : [];
  return inner ? withoutParentheses(inner) : node;
}

/** All nodes of this name, `top` included, in the order of the text. */
export function nodesNamed(top: SyntaxNode, name: string): SyntaxNode[] {
  const below = childrenOf(top).flatMap((child) => nodesNamed(child, name));
  return top.name === name ? [top, ...below] : below;
}

/** Why a text is not PromQL. */
export interface PromqlFault {
  /** From 0. */
  readonly position: number;
  /** The fault and its position. */
  readonly what: string;
}

/** Finds the first fault of a text, for example a call of a function that Prometheus does not have. Undefined = no fault. */
export function findSyntaxFault(text: string): PromqlFault | undefined {
  const position = text.trim() === '' ? 0 : faultPosition(parser.parse(text).topNode);
  if (position === undefined) return undefined;
  return unknownFunction(text, position) ?? { position, what: `not PromQL from position ${position} on` };
}

/** The parser takes an unknown function's name for a metric, so it fails at the parenthesis after the name. */
function unknownFunction(text: string, failedAt: number): PromqlFault | undefined {
  const call = /([a-z_:][\w:]*)\s*$/i.exec(text.slice(0, failedAt));
  if (!call || !/^\s*\(/.test(text.slice(failedAt))) return undefined;
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

/** Applies edits, which must not overlap, in any order. Insertions at the same position keep their order. */
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

/** Seconds of `15m`, `1h30m` or `900`; undefined for other expressions. */
export function secondsOf(node: SyntaxNode, text: string): number | undefined {
  const duration = text.slice(node.from, node.to).trim();
  if (/^\d+(\.\d+)?$/.test(duration)) return Number(duration);
  if (!/^(\d+(ms|[smhdwy]))+$/.test(duration)) return undefined;
  return [...duration.matchAll(/(\d+)(ms|[smhdwy])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * unitSeconds[unit!]!, 0);
}
