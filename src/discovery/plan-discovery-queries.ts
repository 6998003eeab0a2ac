import { type DiscoveredKind, type DiscoveryFilter } from './filter.js';
import { type MetadataProfile, MetadataProfileError } from './metadata-profile.js';
import { type NameFilter, type NameFilters, nameFilters } from './name-filter.js';
import { durationText } from './plan-windows.js';
import { oneOf, quoted } from './promql-text.js';

/** What a query of the profile is to be narrowed to. */
export interface QueryScope {
  readonly filter: DiscoveryFilter;
  /** Length of the range selectors. */
  readonly lengthMs: number;
  /** Exactly these namespaces, beside the filter. */
  readonly namespaces?: readonly string[];
}

/**
 * What is replaced in a profile's query (spec: bulk-and-kafka.md 4.3, 4.4): the window, the place for labels, and the places for filters.
 * All in one pass, so that nothing in a filter's value is taken for a place.
 */
const places =
  /\$MEASUREMENT_DURATION_IN_MIN\$m\b|\$MEASUREMENT_DURATION_IN_MIN\$|\bADDITIONAL_LABEL\b|%s(?!\w)|(?<![\w:])(?<field>namespace|workload|container)\s*!=\s*(?:""|'')/g;

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
  return fill(queryThatTakes(included, profile, kind), kind, scope, () => included);
}

/**
 * One query for the series of a kind that carry any pair of `exclude.labels`; undefined = there are no such pairs.
 * A pair is put at one place at a time: the sides of a join seldom carry the same labels, and a workload is out when either does.
 */
export function planExclusionQuery(profile: MetadataProfile, kind: DiscoveredKind, scope: QueryScope): string | undefined {
  const included = labelMatchers(scope.filter.include?.labels);
  const excluded = labelMatchers(scope.filter.exclude?.labels);
  if (excluded.length === 0) return undefined;
  const text = queryThatTakes(excluded, profile, kind);
  const queries = excluded.flatMap((matcher) =>
    Array.from({ length: labelPlaces(text) }, (_, chosen) =>
      fill(text, kind, scope, (place) => (place === chosen ? [...included, matcher] : included)),
    ),
  );
  return queries.map((query) => `(${query})`).join(' or ');
}

function queryThatTakes(labels: readonly string[], profile: MetadataProfile, kind: DiscoveredKind): string {
  const text = queryOf(profile, kind);
  if (labels.length === 0 || labelPlaces(text) > 0) return text;
  throw new MetadataProfileError(profile.metadata.name, [
    `its ${kind} query takes no labels: it has neither ADDITIONAL_LABEL nor ${kind}!=""`,
  ]);
}

/** Where labels go: at ADDITIONAL_LABEL, else beside each filter. */
function labelPlaces(text: string): number {
  const found = [...text.matchAll(places)].map(([place]) => place);
  return found.filter((place) => place === 'ADDITIONAL_LABEL').length || found.filter((place) => !place.startsWith('$')).length;
}

function fill(text: string, kind: DiscoveredKind, scope: QueryScope, labelsAt: (place: number) => readonly string[]): string {
  const filters = nameFilters(scope.filter);
  const hasPlaceForLabels = /\bADDITIONAL_LABEL\b/.test(text);
  let place = 0;
  return text.replace(places, (found: string, field?: DiscoveredKind) => {
    if (found.endsWith('$m')) return durationText(scope.lengthMs);
    if (found.startsWith('$')) return String(scope.lengthMs / 60_000);
    if (found === 'ADDITIONAL_LABEL')
      return labelsAt(place++)
        .map((matcher) => `,${matcher}`)
        .join('');
    const labels = hasPlaceForLabels ? [] : labelsAt(place++);
    return [...filterMatchers(field ?? kind, filters, scope.namespaces), ...labels].join(',');
  });
}

/** Matchers at a field's place. The namespaces' filter goes to every place, so that the datasource reads nothing of other namespaces (D-34). */
function filterMatchers(field: DiscoveredKind, filters: NameFilters, namespaces?: readonly string[]): string[] {
  const ofField = field === 'namespace' ? [] : nameMatchers(field, filters[field]);
  return [
    `${field}!=""`,
    ...ofField,
    ...nameMatchers('namespace', filters.namespace),
    ...(namespaces ? [oneOf('namespace', namespaces)] : []),
  ];
}

function nameMatchers(field: DiscoveredKind, { include, exclude }: NameFilter): string[] {
  return [
    ...(include === undefined ? [] : [`${field}=~${quoted(include)}`]),
    ...(exclude === undefined ? [] : [`${field}!~${quoted(exclude)}`]),
  ];
}

function labelMatchers(labels: Readonly<Record<string, string>> | null | undefined): string[] {
  return Object.entries(labels ?? {}).map(([name, value]) => `${name}=${quoted(value)}`);
}
