import { RE2JS } from 're2js';
import { type DiscoveryFilter, type FilterList, type FilterSide, filterLists } from './filter.js';
import { joinPatterns } from './name-filter.js';

const sides = ['include', 'exclude'] as const;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** One thing wrong with a filter; `field` is a path such as `filter.include.namespace.0`. */
export interface FilterFault {
  readonly field: string;
  readonly message: string;
}

/** What is wrong with a filter; empty when nothing is. */
export function checkFilter(filter: DiscoveryFilter | null | undefined): FilterFault[] {
  return sides.flatMap((side) => {
    const given = filter?.[side];
    return given ? [...patternFaults(`filter.${side}`, given), ...labelFaults(`filter.${side}.labels`, given.labels ?? {})] : [];
  });
}

/** Text without regular expression syntax that could be wrong or costly. */
const plain = /^[\w.:/@ -]*$/;

/** Expressions with group names can fail together where each alone is right: the same name twice. */
const namedGroup = /\(\?P?</;

function patternFaults(field: string, side: FilterSide): FilterFault[] {
  return (Object.keys(filterLists) as FilterList[]).flatMap((list) => {
    const items = (side[list] ?? []).map((item) => item.trim());
    const size = items.reduce((sum, item) => sum + programSize(item), 0);
    if (size > mostInstructions)
      return [{ field: `${field}.${list}`, message: tooCostly(size, 'These regular expressions together are', mostInstructions) }];
    const faults = items.flatMap((item, index) => patternFault(`${field}.${list}.${index}`, item) ?? []);
    if (faults.length > 0 || !items.some((item) => namedGroup.test(item))) return faults;
    return patternFault(`${field}.${list}`, joinPatterns(items) ?? '') ?? [];
  });
}

function patternFault(field: string, pattern: string): FilterFault[] | undefined {
  const size = programSize(pattern);
  if (size > longestProgram) return [{ field, message: tooCostly(size, 'This regular expression is', longestProgram) }];
  try {
    if (!plain.test(pattern)) RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return [{ field, message: `not a regular expression in RE2 syntax: ${(error as Error).message}` }];
  }
}

/** Most instructions of one expression, and of all expressions of one list. */
const longestProgram = 5_000;
const mostInstructions = 60_000;

function tooCostly(size: number, what: string, most: number): string {
  return `${what} too costly: about ${Math.min(Math.round(size), 1e9)} instructions; at most ${most} are allowed. Use smaller repeat counts or fewer expressions.`;
}

/** A quotation, a class, an escape, a count of repetitions, or one character. */
const tokens =
  /\\Q[\s\S]*?(?:\\E|$)|\\[pP](?:\{[^}]*\}|[\s\S])|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\w+:\]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|[\s\S]/g;

/** A class of Unicode letters stands for hundreds of ranges. */
const unicodeClassSize = 150;

/**
 * About how many instructions an expression is compiled into: one for each character or class, as often as it is repeated; a group counts as its parts. A
 * plain name counts as none. It looks at the text alone, before anything is built of it.
 */
export function programSize(pattern: string): number {
  if (plain.test(pattern)) return 0;
  const open: number[] = [];
  let [size, last] = [0, 0];
  for (const [token, least, most] of pattern.matchAll(tokens)) {
    if (token === '(') {
      open.push(size);
      [size, last] = [0, 0];
    } else if (token === ')') {
      last = size;
      size += open.pop() ?? 0;
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
