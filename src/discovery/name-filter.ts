import { RE2JS } from 're2js';
import { type DiscoveredKind, type DiscoveryFilter, discoveredKinds, type FilterList, type FilterSide, filterLists } from './filter.js';

/** The regular expressions that names of one kind must and must not match as a whole; absent = every name will do. */
export interface NameFilter {
  readonly include?: string;
  readonly exclude?: string;
}
export type NameFilters = Readonly<Record<DiscoveredKind, NameFilter>>;

/** The filters of each kind, the items of a list joined into one expression. */
export function nameFilters(filter: DiscoveryFilter): NameFilters {
  const ofKind = (kind: DiscoveredKind): NameFilter => ({
    include: joinPatterns(itemsOf(filter.include, kind)),
    exclude: joinPatterns(itemsOf(filter.exclude, kind)),
  });
  return Object.fromEntries(discoveredKinds.map((kind) => [kind, ofKind(kind)])) as NameFilters;
}

/** Whether a name passes, as Prometheus' `=~` and `!~` would have it. */
export function nameTest({ include, exclude }: NameFilter): (name: string) => boolean {
  const included = include === undefined ? undefined : RE2JS.compile(include);
  const excluded = exclude === undefined ? undefined : RE2JS.compile(exclude);
  return (name) => (included?.testExact(name) ?? true) && !(excluded?.testExact(name) ?? false);
}

/**
 * One expression that matches what any item matches; undefined = no items. Items are trimmed and blank ones left out, as in the reference.
 * Each gets its own group, so that an item's `|` and flags stay inside it.
 */
export function joinPatterns(items: readonly string[]): string | undefined {
  const patterns = items.map((item) => closeQuote(item.trim())).filter((pattern) => pattern !== '');
  if (patterns.length < 2) return patterns[0];
  return patterns.map((pattern) => `(?:${pattern})`).join('|');
}

/** RE2 lets `\Q` run to the end of the text: unclosed it would swallow the items behind it. */
function closeQuote(pattern: string): string {
  const rest = pattern.replace(/\\Q[\s\S]*?\\E|\\[^Q]/g, '');
  return rest.includes('\\Q') ? `${pattern}\\E` : pattern;
}

function itemsOf(side: FilterSide | null | undefined, kind: DiscoveredKind): string[] {
  const lists = (Object.keys(filterLists) as FilterList[]).filter((list) => filterLists[list] === kind);
  return lists.flatMap((list) => side?.[list] ?? []);
}
