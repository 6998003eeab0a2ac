import type { SyntaxNode } from '@lezer/common';
import { type DiscoveredKind, discoveredKinds } from '../profiles/metadata-profile.js';
import { injectionPoints, withoutPlaceholders } from '../profiles/placeholders.js';
import { childrenOf, nodesNamed, parsePromql } from '../promql/expression.js';
import { readMatcher } from '../promql/matcher.js';

/** Part of a query's text. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A selector whose braces have a place for matchers. */
export interface SelectorPlaces {
  /** Matchers `namespace!=""` and the like: each field's filter goes there. */
  readonly fields: readonly (Span & { readonly field: DiscoveredKind })[];
  /** `%s`, with the comma behind it: takes the filter of the query's kind. */
  readonly slots: readonly Span[];
  /** `ADDITIONAL_LABEL`: takes labels. */
  readonly labels: readonly Span[];
  /** Where more matchers can be put, and whether others stand before it. */
  readonly end: number;
  readonly isEmpty: boolean;
}

/** Where a profile's query changes from job to job (spec: bulk-and-kafka.md 4.3, 4.4). */
export interface QueryPlaces {
  readonly text: string;
  readonly selectors: readonly SelectorPlaces[];
  /** The window's length in minutes; `hasUnit` = the `m` behind it is part of the place. */
  readonly durations: readonly (Span & { readonly hasUnit: boolean })[];
}

/** The places of a query, none of them within a string or a comment; undefined = it is not PromQL. */
export function readQueryPlaces(text: string): QueryPlaces | undefined {
  const top = parsePromql(withoutPlaceholders(text));
  if (!top) return undefined;
  const selectors = nodesNamed(top, 'LabelMatchers').map((braces) => readSelector(braces, text));
  return { text, selectors: selectors.filter(hasPlaces), durations: readDurations(top, text) };
}

function readSelector(braces: SyntaxNode, text: string): SelectorPlaces {
  const matchers = childrenOf(braces);
  const spans = (pattern: RegExp) => spansOf(pattern, text).filter(({ from }) => isSame(braces.resolveInner(from, 1), braces));
  return {
    fields: matchers.flatMap((matcher) => readField(matcher, text) ?? []),
    slots: spans(injectionPoints.slot),
    labels: spans(injectionPoints.label),
    end: matchers.at(-1)?.to ?? braces.from + 1,
    isEmpty: matchers.length === 0,
  };
}

function readField(node: SyntaxNode, text: string): (Span & { field: DiscoveredKind }) | undefined {
  const matcher = readMatcher(node, text);
  const field = discoveredKinds.find((kind) => kind === matcher?.name);
  return field && matcher?.type === '!=' && matcher.value === '' ? { field, from: node.from, to: node.to } : undefined;
}

function hasPlaces({ fields, slots, labels }: SelectorPlaces): boolean {
  return fields.length + slots.length + labels.length > 0;
}

function readDurations(top: SyntaxNode, text: string): QueryPlaces['durations'] {
  return spansOf(injectionPoints.duration, text).flatMap(({ from, to }) => {
    const number = top.resolveInner(from, 1);
    if (!number.name.startsWith('NumberDurationLiteral')) return [];
    const hasUnit = text.slice(to, number.to) === 'm';
    return [{ from, to: hasUnit ? to + 1 : to, hasUnit }];
  });
}

function spansOf(pattern: RegExp, text: string): Span[] {
  return [...text.matchAll(pattern)].map(({ 0: found, index }) => ({ from: index, to: index + found.length }));
}

function isSame(one: SyntaxNode, other: SyntaxNode): boolean {
  return one.name === other.name && one.from === other.from && one.to === other.to;
}
