import { applyEdits } from '../promql/edit-text.js';
import { type Matcher, matchOneOf, writeMatcher } from '../promql/matcher.js';
import type { DiscoveredKind, DiscoveryFilter } from './filter.js';
import { type MetadataProfile, MetadataProfileError } from './metadata-profile.js';
import { joinPatterns, type NameFilter, type NameFilters, nameFilters } from './name-filter.js';
import { durationText } from './plan-windows.js';
import { type QueryPlaces, readQueryPlaces, type SelectorPlaces } from './read-query-places.js';

/** What a query of the profile is to be narrowed to. */
export interface QueryScope {
  readonly filter: DiscoveryFilter;
  /** Length of the range selectors. */
  readonly lengthMs: number;
  /** Exactly these namespaces, beside the filter. */
  readonly namespaces?: readonly string[];
}

/** The profile's query for a kind: of the first variable whose name contains the kind, the function `sum` (spec: 4.2). Throws a MetadataProfileError that names `source`. */
export function queryOf(profile: MetadataProfile, kind: DiscoveredKind, source = profile.metadata.name): string {
  const index = profile.query_variables.findIndex(({ name }) => name.includes(kind));
  const variable = profile.query_variables[index];
  if (!variable) throw new MetadataProfileError(source, [`query_variables: none has "${kind}" in its name`]);
  const sum = variable.aggregation_functions.find((aggregation) => aggregation.function === 'sum');
  if (sum) return sum.query;
  throw new MetadataProfileError(source, [`query_variables.${index}.aggregation_functions (${variable.name}): has no function "sum"`]);
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
