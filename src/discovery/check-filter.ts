import { RE2JS } from 're2js';
import { type DiscoveredKind, type DiscoveryFilter, type FilterList, filterLists } from './filter.js';
import { joinPatterns } from './name-filter.js';

const sides = ['include', 'exclude'] as const;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** One thing wrong with a filter; `field` is a path such as `filter.include.namespace.0`. */
export interface FilterFault {
  readonly field: string;
  readonly message: string;
}

/** What is wrong with a filter; empty when nothing is. What is refused costs little: sizes are checked before anything is built, and only the first faults are looked for. */
export function checkFilter(filter: DiscoveryFilter | null | undefined): FilterFault[] {
  const given = itemsOf(filter);
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

function itemsOf(filter: DiscoveryFilter | null | undefined): GivenList[] {
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

/** Most characters, and most instructions, of all lists of a filter together; most instructions of one expression. */
const mostCharacters = 1_000_000;
const mostInstructions = 60_000;
const longestProgram = 5_000;

/** The list with which a filter grows too large. */
function sizeFault(given: readonly GivenList[]): FilterFault | undefined {
  let [characters, instructions] = [0, 0];
  for (const { field, items } of given) {
    for (const item of items) characters += item.length;
    if (characters > mostCharacters) {
      return {
        field,
        message: `The names of a filter may have ${mostCharacters} characters together. Use fewer, or an expression such as team-.*`,
      };
    }
  }
  for (const { field, items } of given) {
    for (const item of items) {
      instructions += programSize(item);
      if (instructions > mostInstructions)
        return { field, message: tooCostly('The regular expressions of a filter are together', mostInstructions) };
    }
  }
  return undefined;
}

/** So many faulty expressions are looked for. */
const mostFaults = 10;

function patternFaults(given: readonly GivenList[]): FilterFault[] {
  const faults: FilterFault[] = [];
  for (const { field, items } of given) {
    for (const [index, item] of items.entries()) {
      faults.push(...patternFault(`${field}.${index}`, item));
      if (faults.length === mostFaults) return [...faults, { field, message: 'the expressions after this one were not checked' }];
    }
  }
  return faults.length > 0 ? faults : togetherFaults(given);
}

/** Expressions with group names can fail together where each alone is right: the same name twice. */
function togetherFaults(given: readonly GivenList[]): FilterFault[] {
  const named = given.filter(({ items }) => items.some((item) => namedGroup.test(item)));
  return named.flatMap(({ field, side, kind }) => {
    const items = given.filter((list) => list.side === side && list.kind === kind).flatMap((list) => list.items);
    return compileFault(field, joinPatterns(items.filter((item) => !plain.test(item))) ?? '');
  });
}

const namedGroup = /\(\?P?</;

/** Text without regular expression syntax that could be wrong or costly. */
const plain = /^[\w.:/@ -]*$/;

function patternFault(field: string, pattern: string): FilterFault[] {
  if (programSize(pattern) > longestProgram) return [{ field, message: tooCostly('This regular expression is', longestProgram) }];
  return plain.test(pattern) ? [] : compileFault(field, pattern);
}

function compileFault(field: string, pattern: string): FilterFault[] {
  try {
    RE2JS.compile(pattern);
    return [];
  } catch (error) {
    return [{ field, message: `not a regular expression in RE2 syntax: ${(error as Error).message}` }];
  }
}

function tooCostly(what: string, most: number): string {
  return `${what} too costly: more than ${most} instructions. Use smaller repeat counts or fewer expressions.`;
}

/** A quotation, a class, an escape, a count of repetitions, or one character. */
const tokens =
  /\\Q[\s\S]*?(?:\\E|$)|\\[pP](?:\{[^}]*\}|[\s\S])|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\w+:\]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|[\s\S]/g;

/** A class of Unicode letters stands for hundreds of ranges. */
const unicodeClassSize = 150;

/**
 * About how many instructions an expression is compiled into: one for each character, class or group, as often as it is repeated. A
 * plain name counts as none, one with dots, each of which stands for any character, as an eighth of its length. It looks at the text alone, before anything is
 * built of it.
 */
export function programSize(pattern: string): number {
  if (plain.test(pattern)) return pattern.includes('.') ? pattern.length / 8 : 0;
  const open: number[] = [];
  let [size, last] = [0, 0];
  for (const [token, least, most] of pattern.matchAll(tokens)) {
    if (token === '(') {
      open.push(size);
      [size, last] = [0, 0];
    } else if (token === ')') {
      last = size + 1;
      size += 1 + (open.pop() ?? 0);
    } else if (least !== undefined) {
      const repeated = last * (Math.max(Number(most || least), 1) - 1);
      [size, last] = [size + repeated, last + repeated];
    } else {
      last = token.startsWith('\\Q') ? token.length : 1 + unicodeClassSize * (token.match(/\\[pP]/g)?.length ?? 0);
      size += last;
    }
  }
  return open.reduce((sum, each) => sum + each, size);
}

/** The metric's name stands in the profile's query; Prometheus refuses it a second time. */
function labelFaults(field: string, labels: Readonly<Record<string, string>>): FilterFault[] {
  return Object.keys(labels)
    .filter((name) => !labelName.test(name) || name === '__name__')
    .map((name) => ({ field: `${field}.${name}`, message: `${JSON.stringify(name)} is not a label name` }));
}
