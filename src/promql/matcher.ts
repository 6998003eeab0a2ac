import type { SyntaxNode } from '@lezer/common';
import { childrenOf } from './expression.js';

/** A label matcher of PromQL; `__name__` is the metric's name. Regular expressions are RE2 and anchored. */
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

/** Writes a matcher in PromQL. */
export function writeMatcher({ type, name, value }: Matcher): string {
  return `${name}${type}"${escapeString(value)}"`;
}

/** Reads one matcher of a selector; undefined if we do not support its syntax. */
export function readMatcher(node: SyntaxNode, text: string): Matcher | undefined {
  if (node.name !== 'UnquotedLabelMatcher') return undefined;
  const [label, operator, literal] = childrenOf(node);
  const type = matcherTypes[operator?.firstChild?.name ?? ''];
  const value = literal && unquote(text.slice(literal.from, literal.to));
  if (!label || !type || value === undefined) return undefined;
  return { type, name: text.slice(label.from, label.to), value };
}

/** Reads the matchers of a VectorSelector, the metric's name first; undefined if we do not support the syntax of one. */
export function readMatchers(selector: SyntaxNode, text: string): Matcher[] | undefined {
  const matchers = childrenOf(selector).flatMap((child) => {
    if (child.name === 'Identifier') return [{ type: '=', name: '__name__', value: text.slice(child.from, child.to) } as const];
    return childrenOf(child).map((matcher) => readMatcher(matcher, text));
  });
  return matchers.every((matcher) => matcher !== undefined) ? matchers : undefined;
}

/** The value of a PromQL string literal; undefined if it has an escape other than the common ones. */
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

/** Escapes a text for a PromQL string in `quote`s (`"` or `'`). */
export function escapeString(text: string, quote = '"'): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`);
}

/** Escapes a text for an RE2 expression that matches only this text. */
export function escapeRegex(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

/** `matchOneOf` in PromQL. */
export function matchAnyOf(label: string, values: readonly string[]): string {
  return writeMatcher(matchOneOf(label, values));
}
