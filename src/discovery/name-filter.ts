import { setImmediate as breathe } from 'node:timers/promises';
import { RE2JS } from 're2js';
import { type DiscoveredKind, type DiscoveryFilter, discoveredKinds, type FilterList, type FilterSide, filterLists } from './filter.js';

/** What names of one kind must and must not match as a whole: regular expressions without blanks around them; none = every name will do. */
export interface NameFilter {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}
export type NameFilters = Readonly<Record<DiscoveredKind, NameFilter>>;

/** The filters of each kind: the items of its lists, trimmed, without blank ones, as in the reference. */
export function nameFilters(filter: DiscoveryFilter): NameFilters {
  const ofKind = (kind: DiscoveredKind): NameFilter => ({
    include: itemsOf(filter.include, kind),
    exclude: itemsOf(filter.exclude, kind),
  });
  return Object.fromEntries(discoveredKinds.map((kind) => [kind, ofKind(kind)])) as NameFilters;
}

/** Whether a name passes, as Prometheus' `=~` and `!~` would have it. */
export function nameTest({ include, exclude }: NameFilter): (name: string) => boolean {
  const included = include.length > 0 ? matchesAny(include) : () => true;
  const excluded = matchesAny(exclude);
  return (name) => included(name) && !excluded(name);
}

/** The names that pass, each once. Yields to the event loop during costly expressions. Rejects with the signal's reason once it aborts. */
export async function passingNames(names: readonly string[], filter: NameFilter, signal?: AbortSignal): Promise<Set<string>> {
  const passes = nameTest(filter);
  const passing = new Set<string>();
  let turnStartMs = performance.now();
  signal?.throwIfAborted();
  for (const name of new Set(names)) {
    if (passes(name)) passing.add(name);
    if (performance.now() - turnStartMs < longestTurnMs) continue;
    await breathe();
    signal?.throwIfAborted();
    turnStartMs = performance.now();
  }
  return passing;
}

const longestTurnMs = 20;

/** A regular expression in which every character stands for itself. */
export const literal = /^[\w:/@ -]*$/;

/** Most items are plain names: a set looks them up, so thousands of them need no large expression. */
function matchesAny(items: readonly string[]): (name: string) => boolean {
  const names = new Set(items.filter((item) => literal.test(item)));
  const joined = joinPatterns(items.filter((item) => !literal.test(item)));
  const expression = joined === undefined ? undefined : RE2JS.compile(joined);
  return (name) => names.has(name) || (expression?.testExact(name) ?? false);
}

/** One expression that matches what any item matches; undefined = no items. Each gets its own group, so that an item's `|` and flags stay inside it. */
export function joinPatterns(items: readonly string[]): string | undefined {
  const patterns = items.map(closeQuote);
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
  return lists.flatMap((list) => side?.[list] ?? []).flatMap((item) => item.trim() || []);
}
