import { setImmediate as breathe } from 'node:timers/promises';
import { RE2JS } from 're2js';
import { type DiscoveredKind, discoveredKinds } from '../profiles/metadata-profile.js';

/** One side of a bulk request's filter, unchanged (Kruize: design/BulkAPI.md). Lists hold RE2 regular expressions, anchored at both ends. */
export interface FilterSide {
  readonly namespace?: readonly string[] | null;
  readonly namespaces?: readonly string[] | null;
  readonly workload?: readonly string[] | null;
  readonly containers?: readonly string[] | null;
  /** Label names and exact values. */
  readonly labels?: Readonly<Record<string, string>> | null;
}

/** What discovery may find. All pairs of `include.labels` must match; a workload that matches any pair of `exclude.labels` is excluded. */
export interface DiscoveryFilter {
  readonly include?: FilterSide | null;
  readonly exclude?: FilterSide | null;
}

/** The lists of a side and the kind that each filters. */
export const filterLists = {
  namespace: 'namespace',
  namespaces: 'namespace',
  workload: 'workload',
  containers: 'container',
} as const satisfies Record<string, DiscoveredKind>;
export type FilterList = keyof typeof filterLists;

/** Trimmed regular expressions for the names of one kind, anchored at both ends. A name passes if it matches any of `include` (or that is empty) and none of `exclude`. */
export interface NameFilter {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}
export type NameFilters = Readonly<Record<DiscoveredKind, NameFilter>>;

/** The filter of each kind: the items of its lists, trimmed, without blank ones, as Kruize does. */
export function nameFilters(filter: DiscoveryFilter): NameFilters {
  const ofKind = (kind: DiscoveredKind): NameFilter => ({
    include: itemsOf(filter.include, kind),
    exclude: itemsOf(filter.exclude, kind),
  });
  return Object.fromEntries(discoveredKinds.map((kind) => [kind, ofKind(kind)])) as NameFilters;
}

/** Returns a test for names that agrees with Prometheus' `=~` and `!~`. */
export function nameTest({ include, exclude }: NameFilter): (name: string) => boolean {
  const included = include.length > 0 ? matchesAny(include) : () => true;
  const excluded = matchesAny(exclude);
  return (name) => included(name) && !excluded(name);
}

/** The names that pass. Yields to the event loop during costly expressions. Rejects with the signal's reason once it aborts. */
export async function passingNames(names: readonly string[], filter: NameFilter, signal?: AbortSignal): Promise<Set<string>> {
  const passes = nameTest(filter);
  const passing = new Set<string>();
  let turnStartMs = performance.now();
  signal?.throwIfAborted();
  for (const name of new Set(names)) {
    if (passes(name)) passing.add(name);
    if (performance.now() - turnStartMs < maxTurnMs) continue;
    await breathe();
    signal?.throwIfAborted();
    turnStartMs = performance.now();
  }
  return passing;
}

const maxTurnMs = 20;

/** Matches regular expressions without special characters. */
export const literal = /^[\w:/@ -]*$/;

/** Most items are plain names and go into a set, so that thousands of them need no large expression. */
function matchesAny(items: readonly string[]): (name: string) => boolean {
  const names = new Set(items.filter((item) => literal.test(item)));
  const joined = joinPatterns(items.filter((item) => !literal.test(item)));
  const expression = joined === undefined ? undefined : RE2JS.compile(joined);
  return (name) => names.has(name) || (expression?.testExact(name) ?? false);
}

/** One expression that matches if any item does; undefined = no items. Each item has its own group, which contains its `|` and flags. */
export function joinPatterns(items: readonly string[]): string | undefined {
  const patterns = items.map(closeQuote);
  if (patterns.length < 2) return patterns[0];
  return patterns.map((pattern) => `(?:${pattern})`).join('|');
}

/** In RE2 an unclosed `\Q` extends to the end of the text: it would quote the items after it. */
function closeQuote(pattern: string): string {
  const rest = pattern.replace(/\\Q[\s\S]*?\\E|\\[^Q]/g, '');
  return rest.includes('\\Q') ? `${pattern}\\E` : pattern;
}

function itemsOf(side: FilterSide | null | undefined, kind: DiscoveredKind): string[] {
  const lists = (Object.keys(filterLists) as FilterList[]).filter((list) => filterLists[list] === kind);
  return lists.flatMap((list) => side?.[list] ?? []).flatMap((item) => item.trim() || []);
}

const sides = ['include', 'exclude'] as const;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** A fault of a filter; `field` is a path such as `filter.include.namespace.0`. */
export interface FilterFault {
  readonly field: string;
  readonly message: string;
}

/** Returns every fault of a filter, up to a limit. Checks sizes before compiling anything, so that rejecting a filter is cheap. */
export function checkFilter(filter: DiscoveryFilter | null | undefined): FilterFault[] {
  const given = listsOf(filter);
  const tooMuch = sizeFault(given);
  return [
    ...(tooMuch ? [tooMuch] : patternFaults(given)),
    ...sides.flatMap((side) => labelFaults(`filter.${side}.labels`, filter?.[side]?.labels ?? {})),
  ];
}

/** One list of a filter, its items trimmed. */
interface GivenList {
  readonly field: string;
  readonly side: string;
  readonly kind: DiscoveredKind;
  readonly items: readonly string[];
}

function listsOf(filter: DiscoveryFilter | null | undefined): GivenList[] {
  const lists = Object.keys(filterLists) as FilterList[];
  return sides.flatMap((side) =>
    lists.map((list) => ({
      field: `filter.${side}.${list}`,
      side,
      kind: filterLists[list],
      items: (filter?.[side]?.[list] ?? []).map((item) => item.trim()),
    })),
  );
}

/** Limits for all lists of a filter together: characters, RE2 instructions. `maxInstructionsEach` is the limit for one expression. */
const maxCharacters = 1_000_000;
const maxInstructions = 60_000;
const maxInstructionsEach = 5_000;

/** Reports the list that exceeds the size limit of the filter. */
function sizeFault(given: readonly GivenList[]): FilterFault | undefined {
  let [characters, instructions] = [0, 0];
  for (const { field, items } of given) {
    for (const item of items) characters += item.length;
    if (characters > maxCharacters) {
      const message = `The names of a filter may have at most ${maxCharacters} characters in total. Use fewer names, or an expression such as team-.*`;
      return { field, message };
    }
  }
  for (const { field, items } of given) {
    for (const item of items) {
      instructions += programSize(item);
      if (instructions > maxInstructions)
        return { field, message: tooCostly('The regular expressions of a filter are together', maxInstructions) };
    }
  }
  return undefined;
}

/** Maximum number of faulty expressions that are reported. */
const maxFaults = 10;

function patternFaults(given: readonly GivenList[]): FilterFault[] {
  const faults: FilterFault[] = [];
  for (const { field, items } of given) {
    for (const [index, item] of items.entries()) {
      faults.push(...patternFault(`${field}.${index}`, item));
      if (faults.length < maxFaults) continue;
      const message = `Only the first ${maxFaults} faulty expressions are listed. Correct them and send the request again`;
      return [...faults, { field, message }];
    }
  }
  return faults.length > 0 ? faults : togetherFaults(given);
}

/** Expressions with named groups can each be valid and still fail together, if two use the same name. */
function togetherFaults(given: readonly GivenList[]): FilterFault[] {
  const named = given.filter(({ items }) => items.some((item) => namedGroup.test(item)));
  return named.flatMap(({ field, side, kind }) => {
    const items = given.filter((list) => list.side === side && list.kind === kind).flatMap((list) => list.items);
    const joined = joinPatterns(items.filter((item) => !isPlain(item))) ?? '';
    const describe = (reason: string) =>
      `These expressions cannot be used together: ${reason}. Rename the named groups or remove their names`;
    return compileFault(field, joined, describe);
  });
}

const namedGroup = /\(\?P?</;

/** Names with or without dots are always valid, cheap expressions. */
const isPlain = (text: string) => literal.test(text.replaceAll('.', ''));

function patternFault(field: string, pattern: string): FilterFault[] {
  if (programSize(pattern) > maxInstructionsEach) return [{ field, message: tooCostly('This regular expression is', maxInstructionsEach) }];
  return isPlain(pattern) ? [] : compileFault(field, pattern, (reason) => `not a regular expression in RE2 syntax: ${reason}`);
}

function compileFault(field: string, pattern: string, fault: (reason: string) => string): FilterFault[] {
  try {
    RE2JS.compile(pattern);
    return [];
  } catch (error) {
    return [{ field, message: fault((error as Error).message) }];
  }
}

function tooCostly(what: string, max: number): string {
  return `${what} too costly: more than ${max} instructions. Use smaller repeat counts or fewer expressions.`;
}

/** A quotation, a class, an escape, a repetition count, or one character. */
const tokens =
  /\\Q[\s\S]*?(?:\\E|$)|\\[pP](?:\{[^}]*\}|[\s\S])|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\w+:\]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|[\s\S]/g;

/** A Unicode class consists of hundreds of ranges. */
const unicodeClassSize = 150;
/** With case folding, RE2JS visits each character of a class. This many cost as much as one instruction. */
const foldedPerInstruction = 100;
const point = String.raw`(?:\\x\{([\da-f]+)\}|\\x([\da-f]{2})|\\?([\s\S]))`;
const classRange = new RegExp(`${point}-${point}`, 'giu');

/** The cost of a character or class, in instructions. */
function classSize(token: string, folds: boolean): number {
  const letters = unicodeClassSize * (token.match(/\\[pP]/g)?.length ?? 0);
  if (!folds || !token.startsWith('[')) return 1 + letters;
  const code = (hex: string | undefined, character: string | undefined) =>
    hex ? Number.parseInt(hex, 16) : (character?.codePointAt(0) ?? 0);
  const spans = [...token.matchAll(classRange)].map(([, a, b, from, c, d, to]) => code(c ?? d, to) - code(a ?? b, from));
  return 1 + letters + Math.round(spans.reduce((sum, span) => sum + Math.max(span, 0), 0) / foldedPerInstruction);
}

/**
 * Estimates the number of RE2 instructions of an expression from its text: one per character, class or group, times its repetitions. A plain name costs
 * nothing. A name with dots costs an eighth of its length, because each dot matches any character.
 */
export function programSize(pattern: string): number {
  if (isPlain(pattern)) return pattern.includes('.') ? pattern.length / 8 : 0;
  const folds = /\(\?[a-zA-Z]*i/.test(pattern);
  const open: number[] = [];
  let [size, last] = [0, 0];
  for (const [token, min, max] of pattern.matchAll(tokens)) {
    if (token === '(') {
      open.push(size);
      [size, last] = [0, 0];
    } else if (token === ')') {
      last = size + 1;
      size += 1 + (open.pop() ?? 0);
    } else if (min !== undefined) {
      const repeated = last * (Math.max(Number(max || min), 1) - 1);
      [size, last] = [size + repeated, last + repeated];
    } else {
      last = token.startsWith('\\Q') ? token.length : classSize(token, folds);
      size += last;
    }
  }
  return open.reduce((sum, each) => sum + each, size);
}

/** `__name__` is not allowed: the profile's query contains the metric name, and Prometheus rejects a second one. */
function labelFaults(field: string, labels: Readonly<Record<string, string>>): FilterFault[] {
  return Object.keys(labels)
    .filter((name) => !labelName.test(name) || name === '__name__')
    .map((name) => ({ field: `${field}.${name}`, message: `${JSON.stringify(name)} is not a label name` }));
}
