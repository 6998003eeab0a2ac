import type { SyntaxNode } from '@lezer/common';
import type { Capabilities } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import { type DiscoveredKind, discoveredKinds, type MetadataProfile, MetadataProfileError, queryOf } from '../profiles/metadata-profile.js';
import { injectionPoints, withoutPlaceholders } from '../profiles/placeholders.js';
import { applyEdits, childrenOf, nodesNamed, parsePromql } from '../promql/expression.js';
import { type Matcher, matchOneOf, readMatcher, writeMatcher } from '../promql/matcher.js';
import { type DiscoveryFilter, joinPatterns, type NameFilter, type NameFilters, nameFilters } from './name-filter.js';

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

/** The instants at which the queries are asked: `count` of them, `lengthMs` apart, the last at `endSeconds`; each sees the `lengthMs` before it. */
export interface Instants {
  readonly endSeconds: number;
  readonly lengthMs: number;
  readonly count: number;
}

export interface TimeRange {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

const dayMs = 86_400_000;
/** Most points that Prometheus gives for a series (web/api/v1: "exceeded maximum resolution of 11,000 points"). */
const mostPoints = 11_000;

/** Ranges of whole days between are divided at midnights. */
const shortestDividedMs = 2 * dayMs;
const longestDividedMs = 1_000 * dayMs;

/**
 * Without a time range (or with an empty one): one window of the measurement duration, at its end or now. Else windows that cover the range, none of
 * which overlaps another, so no sample is read twice, and none of which reaches before the start; parts of one length each, in the order of time.
 */
export function planWindows(measurementSeconds: number, nowSeconds: number, timeRange?: TimeRange): Instants[] {
  const rangeMs = timeRange ? Math.round((timeRange.endSeconds - timeRange.startSeconds) * 1000) : 0;
  if (rangeMs > shortestDividedMs && rangeMs <= longestDividedMs) return divideAtMidnights(timeRange!);
  if (rangeMs > 0) return [divideRange(timeRange!.endSeconds, rangeMs)];
  return [{ endSeconds: timeRange?.endSeconds ?? nowSeconds, lengthMs: measurementSeconds * 1000, count: 1 }];
}

/** The length of the window that ends at an instant, in ms; undefined where none does. */
export function lengthAt(parts: readonly Instants[], seconds: number): number | undefined {
  return parts.find(({ endSeconds, lengthMs, count }) => {
    const windows = ((endSeconds - seconds) * 1000) / lengthMs;
    return Math.abs(windows - Math.round(windows)) < 1e-6 && Math.round(windows) >= 0 && Math.round(windows) < count;
  })?.lengthMs;
}

/** Whether the windows are days, from midnight to midnight UTC: the same in every job whose range holds them. */
export function areDays({ endSeconds, lengthMs }: Instants): boolean {
  return lengthMs === dayMs && (endSeconds * 1000) % dayMs === 0;
}

/** Windows of `lengthMs` that reach back from the end of a window of `coarseMs`. */
export function planFinerWindows(endSeconds: number, coarseMs: number, lengthMs: number): Instants {
  return { endSeconds, lengthMs, count: Math.ceil(coarseMs / lengthMs) };
}

/** The first instant. */
export function startOf({ endSeconds, lengthMs, count }: Instants): number {
  return (endSeconds * 1000 - (count - 1) * lengthMs) / 1000;
}

/** PromQL's way to write the length. */
export function durationText(lengthMs: number): string {
  return lengthMs % 1000 === 0 ? `${lengthMs / 1000}s` : `${lengthMs}ms`;
}

/** What is before the first midnight UTC, the whole days, what is after the last midnight: the days are the same in the next job. */
function divideAtMidnights({ startSeconds, endSeconds }: TimeRange): Instants[] {
  const [startMs, endMs] = [Math.round(startSeconds * 1000), Math.round(endSeconds * 1000)];
  const firstMidnight = Math.ceil(startMs / dayMs) * dayMs;
  const lastMidnight = Math.floor(endMs / dayMs) * dayMs;
  const parts = [
    { endSeconds: firstMidnight / 1000, lengthMs: firstMidnight - startMs, count: 1 },
    { endSeconds: lastMidnight / 1000, lengthMs: dayMs, count: (lastMidnight - firstMidnight) / dayMs },
    { endSeconds: endMs / 1000, lengthMs: endMs - lastMidnight, count: 1 },
  ];
  return parts.filter(({ lengthMs }) => lengthMs > 0);
}

/**
 * The fewest windows of at most a day that divide the range exactly. A range of odd milliseconds may have no such number: then the first of few windows
 * starts some milliseconds late.
 */
function divideRange(endSeconds: number, rangeMs: number): Instants {
  const fewest = Math.min(mostPoints, Math.ceil(rangeMs / dayMs));
  let count = fewest;
  while (rangeMs % count !== 0 && count < mostPoints) count++;
  if (rangeMs % count !== 0) count = fewest;
  return { endSeconds, lengthMs: Math.floor(rangeMs / count), count };
}

/** What a query of the profile is to be narrowed to. */
export interface QueryScope {
  readonly filter: DiscoveryFilter;
  /** Length of the range selectors. */
  readonly lengthMs: number;
  /** Exactly these namespaces, beside the filter. */
  readonly namespaces?: readonly string[];
}

/** The profile's query for a kind, narrowed to the scope. Throws a MetadataProfileError where labels are asked for and the query has no place for them. */
export function planDiscoveryQuery(profile: MetadataProfile, kind: DiscoveredKind, scope: QueryScope): string {
  const included = labelMatchers(scope.filter.include?.labels);
  return fill(placesThatTake(included, profile, kind), kind, scope, () => included);
}

/**
 * Queries for the series of a kind that carry any pair of `exclude.labels`; none = there are no such pairs.
 * A pair is put into one selector at a time: the sides of a join seldom carry the same labels, and a workload is out when either does.
 */
export function planExclusionQueries(profile: MetadataProfile, kind: DiscoveredKind, scope: QueryScope): string[] {
  const included = labelMatchers(scope.filter.include?.labels);
  const excluded = labelMatchers(scope.filter.exclude?.labels);
  const places = placesThatTake(excluded, profile, kind);
  return excluded.flatMap((matcher) =>
    labelTakers(places).map((chosen) => fill(places, kind, scope, (taker) => (taker === chosen ? [...included, matcher] : included))),
  );
}

function placesThatTake(labels: readonly Matcher[], profile: MetadataProfile, kind: DiscoveredKind): QueryPlaces {
  const places = readQueryPlaces(queryOf(profile, kind));
  if (!places) throw new MetadataProfileError(profile.metadata.name, [`its ${kind} query is not PromQL`]);
  if (labels.length === 0 || labelTakers(places).length > 0) return places;
  throw new MetadataProfileError(profile.metadata.name, [
    `its ${kind} query takes no labels: it has neither ADDITIONAL_LABEL nor ${kind}!=""`,
  ]);
}

/** The selectors that labels go into: those with ADDITIONAL_LABEL, else those with a place for filters. */
function labelTakers({ selectors }: QueryPlaces): readonly SelectorPlaces[] {
  const named = selectors.filter(({ labels }) => labels.length > 0);
  return named.length > 0 ? named : selectors;
}

function fill(
  places: QueryPlaces,
  kind: DiscoveredKind,
  scope: QueryScope,
  labelsOf: (taker: SelectorPlaces) => readonly Matcher[],
): string {
  const takers = labelTakers(places);
  const filters = nameFilters(scope.filter);
  const filterOf = (field: DiscoveredKind) => filterMatchers(field, filters, scope.namespaces);
  const inSelectors = places.selectors.flatMap((selector) => {
    const labels = takers.includes(selector) ? labelsOf(selector) : [];
    const added = [...(selector.slots.length > 0 ? filterOf(kind) : []), ...labels];
    return [
      ...selector.fields.map(({ field, from, to }) => ({ from, to, text: write(filterOf(field)) })),
      ...[...selector.slots, ...selector.labels].map(({ from, to }) => ({ from, to, text: '' })),
      { from: selector.end, to: selector.end, text: `${added.length > 0 && !selector.isEmpty ? ',' : ''}${write(added)}` },
    ];
  });
  const durations = places.durations.map(({ from, to, hasUnit }) => {
    return { from, to, text: hasUnit ? durationText(scope.lengthMs) : String(scope.lengthMs / 60_000) };
  });
  return applyEdits(places.text, [...inSelectors, ...durations]);
}

function write(matchers: readonly Matcher[]): string {
  return matchers.map(writeMatcher).join(',');
}

/** Matchers at a field's place. The namespaces' filter goes to every place, so that the datasource reads nothing of other namespaces (D-34). */
function filterMatchers(field: DiscoveredKind, filters: NameFilters, namespaces?: readonly string[]): Matcher[] {
  const ofField = field === 'namespace' ? [] : nameMatchers(field, filters[field]);
  return [
    { type: '!=', name: field, value: '' },
    ...ofField,
    ...nameMatchers('namespace', filters.namespace),
    ...(namespaces ? [matchOneOf('namespace', namespaces)] : []),
  ];
}

function nameMatchers(name: DiscoveredKind, filter: NameFilter): Matcher[] {
  const [include, exclude] = [joinPatterns(filter.include), joinPatterns(filter.exclude)];
  return [
    ...(include === undefined ? [] : [{ type: '=~', name, value: include } as const]),
    ...(exclude === undefined ? [] : [{ type: '!~', name, value: exclude } as const]),
  ];
}

function labelMatchers(labels: Readonly<Record<string, string>> | null | undefined): Matcher[] {
  return Object.entries(labels ?? {}).map(([name, value]) => ({ type: '=', name, value }));
}

/** What is to be found where. */
export interface DiscoveryRequest {
  readonly datasource: Datasource;
  readonly capabilities: Capabilities;
  readonly metadataProfile: MetadataProfile;
  readonly filter: DiscoveryFilter;
  readonly measurementSeconds: number;
  /** Finds what existed anywhere in it; without it, what existed in the measurement duration before now. */
  readonly timeRange?: TimeRange;
  readonly nowSeconds: number;
  /** Called if the datasource does not deliver the chunks that it is said to have. */
  readonly onBrokenChunks?: ((reason: string) => void) | undefined;
}
