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

/** A selector with places for matchers in its braces. */
export interface SelectorPlaces {
  /** Matchers such as `namespace!=""`, replaced by the filter of their field. */
  readonly fields: readonly (Span & { readonly field: DiscoveredKind })[];
  /** `%s` and the comma after it, replaced by the filter of the query's kind. */
  readonly slots: readonly Span[];
  /** `ADDITIONAL_LABEL`, replaced by label matchers. */
  readonly labels: readonly Span[];
  /** Offset at which more matchers can be inserted. */
  readonly end: number;
  /** The braces hold no matchers. */
  readonly isEmpty: boolean;
}

/** The parts of a profile's query that change from job to job. */
export interface QueryPlaces {
  readonly text: string;
  readonly selectors: readonly SelectorPlaces[];
  /** The window's length in minutes; `hasUnit`: the span includes the `m` after it. */
  readonly durations: readonly (Span & { readonly hasUnit: boolean })[];
}

/** Finds the places of a query, ignoring strings and comments; undefined = it is not PromQL. */
export function readQueryPlaces(text: string): QueryPlaces | undefined {
  const top = parsePromql(withoutPlaceholders(text));
  if (!top) return undefined;
  const selectors = nodesNamed(top, 'LabelMatchers').map((braces) => readSelector(braces, text));
  const taking = selectors.filter(({ fields, slots, labels }) => fields.length + slots.length + labels.length > 0);
  return { text, selectors: taking, durations: readDurations(top, text) };
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

/** The instants at which queries are evaluated: `count` of them, `lengthMs` apart, the last at `endSeconds`. Each window covers the `lengthMs` before its instant. */
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
/** Maximum points per series in a response of Prometheus (web/api/v1: "exceeded maximum resolution of 11,000 points"). */
const maxPoints = 11_000;

/** Ranges longer than `minDividedMs`, up to `maxDividedMs`, are divided at midnights. */
const minDividedMs = 2 * dayMs;
const maxDividedMs = 1_000 * dayMs;

/**
 * Plans the windows of a discovery. Without a time range, or with an empty one, this is one window of the measurement duration that ends now or at the
 * end of the range. Else the windows cover the range without overlap and never reach before its start. Each part has windows of one length; parts are in
 * order of time.
 */
export function planWindows(measurementSeconds: number, nowSeconds: number, timeRange?: TimeRange): Instants[] {
  const rangeMs = timeRange ? Math.round((timeRange.endSeconds - timeRange.startSeconds) * 1000) : 0;
  if (rangeMs > minDividedMs && rangeMs <= maxDividedMs) return divideAtMidnights(timeRange!);
  if (rangeMs > 0) return [divideRange(timeRange!.endSeconds, rangeMs)];
  return [{ endSeconds: timeRange?.endSeconds ?? nowSeconds, lengthMs: measurementSeconds * 1000, count: 1 }];
}

/** The length in ms of the window that ends at an instant; undefined if none does. */
export function lengthAt(parts: readonly Instants[], seconds: number): number | undefined {
  return parts.find(({ endSeconds, lengthMs, count }) => {
    const windows = ((endSeconds - seconds) * 1000) / lengthMs;
    return Math.abs(windows - Math.round(windows)) < 1e-6 && Math.round(windows) >= 0 && Math.round(windows) < count;
  })?.lengthMs;
}

/** Whether the windows are UTC days. Every job whose range contains such a day queries the same window. */
export function areDays({ endSeconds, lengthMs }: Instants): boolean {
  return lengthMs === dayMs && (endSeconds * 1000) % dayMs === 0;
}

/** Divides a window of `coarseMs` into windows of `lengthMs`, starting from its end. */
export function planFinerWindows(endSeconds: number, coarseMs: number, lengthMs: number): Instants {
  return { endSeconds, lengthMs, count: Math.ceil(coarseMs / lengthMs) };
}

/** The first instant. */
export function startOf({ endSeconds, lengthMs, count }: Instants): number {
  return (endSeconds * 1000 - (count - 1) * lengthMs) / 1000;
}

/** The length as a PromQL duration. */
export function durationText(lengthMs: number): string {
  return lengthMs % 1000 === 0 ? `${lengthMs / 1000}s` : `${lengthMs}ms`;
}

/** Divides a range into the part before the first UTC midnight, complete days, and the part after the last midnight. The next job has the same days. */
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
 * Divides the range into as few equal windows of at most a day as possible. If no count divides it exactly (a range of odd milliseconds), the first window
 * starts some milliseconds late.
 */
function divideRange(endSeconds: number, rangeMs: number): Instants {
  const minCount = Math.min(maxPoints, Math.ceil(rangeMs / dayMs));
  let count = minCount;
  while (rangeMs % count !== 0 && count < maxPoints) count++;
  if (rangeMs % count !== 0) count = minCount;
  return { endSeconds, lengthMs: Math.floor(rangeMs / count), count };
}

/** How to narrow a query of the profile. */
export interface QueryScope {
  readonly filter: DiscoveryFilter;
  /** Length of the range selectors. */
  readonly lengthMs: number;
  /** Restricts the query to these namespaces, in addition to the filter. */
  readonly namespaces?: readonly string[];
}

/** The profile's query for a kind, narrowed to the scope. Throws a MetadataProfileError if the filter has labels and the query has no place for them. */
export function planDiscoveryQuery(profile: MetadataProfile, kind: DiscoveredKind, scope: QueryScope): string {
  const included = labelMatchers(scope.filter.include?.labels);
  return fill(placesThatTake(included, profile, kind), kind, scope, () => included);
}

/**
 * Queries for the series of a kind that match any pair of `exclude.labels`; empty without such pairs. Each query puts one pair into one selector:
 * the sides of a join seldom carry the same labels, and a workload is excluded if either side matches.
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
  const fault = `its ${kind} query takes no labels: it has neither ADDITIONAL_LABEL nor ${kind}!=""`;
  throw new MetadataProfileError(profile.metadata.name, [fault]);
}

/** The selectors that receive label matchers: those with ADDITIONAL_LABEL, or else those with a place for filters. */
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

/** Matchers at a field's place. Every place also gets the namespace filter, so that the datasource does not read other namespaces. */
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

/** What to discover, and in which datasource. */
export interface DiscoveryRequest {
  readonly datasource: Datasource;
  readonly capabilities: Capabilities;
  readonly metadataProfile: MetadataProfile;
  readonly filter: DiscoveryFilter;
  readonly measurementSeconds: number;
  /** Finds workloads that existed at any time in this range; by default, in the measurement duration before now. */
  readonly timeRange?: TimeRange;
  readonly nowSeconds: number;
  /** Called if the datasource does not deliver chunks although its capabilities include them. */
  readonly onBrokenChunks?: ((reason: string) => void) | undefined;
}
