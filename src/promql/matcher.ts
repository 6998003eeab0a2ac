import type { SyntaxNode } from '@lezer/common';
import { childrenOf } from './expression.js';

/** A label matcher as PromQL has it; `__name__` is the metric's name. Regular expressions are RE2 and anchored. */
export interface Matcher {
  readonly type: '=' | '!=' | '=~' | '!~';
  readonly name: string;
  readonly value: string;
}

const matcherTypes: Readonly<Record<string, Matcher['type']>> = { EqlSingle: '=', Neq: '!=', EqlRegex: '=~', NeqRegex: '!~' };
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'" };

/** A matcher for any of the values: equality for one, a regular expression for several. */
export function matchOneOf(name: string, values: readonly string[]): Matcher {
  const distinct = [...new Set(values)].sort();
  if (distinct.length === 1) return { type: '=', name, value: distinct[0]! };
  return { type: '=~', name, value: distinct.map(escapeRegex).join('|') };
}

/** The matcher as it stands in a selector. */
export function writeMatcher({ type, name, value }: Matcher): string {
  return `${name}${type}"${escapeString(value)}"`;
}

/** Reads one matcher of a selector; undefined where it is written in a way that is not known here. */
export function readMatcher(node: SyntaxNode, text: string): Matcher | undefined {
  if (node.name !== 'UnquotedLabelMatcher') return undefined;
  const [label, operator, literal] = childrenOf(node);
  const type = matcherTypes[operator?.firstChild?.name ?? ''];
  const value = literal && unquote(text.slice(literal.from, literal.to));
  if (!label || !type || value === undefined) return undefined;
  return { type, name: text.slice(label.from, label.to), value };
}

/** The matchers of a VectorSelector, its name first; undefined where one is written in a way that is not known here. */
export function readMatchers(selector: SyntaxNode, text: string): Matcher[] | undefined {
  const matchers = childrenOf(selector).flatMap((child) => {
    if (child.name === 'Identifier') return [{ type: '=', name: '__name__', value: text.slice(child.from, child.to) } as const];
    return childrenOf(child).map((matcher) => readMatcher(matcher, text));
  });
  return matchers.every((matcher) => matcher !== undefined) ? matchers : undefined;
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

/** A text as the inside of a PromQL string that stands between `quote`s (`"` or `'`). */
export function escapeString(text: string, quote = '"'): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`);
}

/** A text as an RE2 expression that matches just this text. */
export function escapeRegex(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

/** A matcher for any of the values: equality for one, a regular expression for several (Prometheus anchors it). */
export function matchAnyOf(label: string, values: readonly string[]): string {
  const distinct = [...new Set(values)].sort();
  if (distinct.length === 1) return `${label}="${escapeString(distinct[0]!)}"`;
  return `${label}=~"${escapeString(distinct.map(escapeRegex).join('|'))}"`;
}
