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

function patternFaults(field: string, side: FilterSide): FilterFault[] {
  return (Object.keys(filterLists) as FilterList[]).flatMap((list) => {
    const items = side[list] ?? [];
    const faults = items.flatMap((item, index) => patternFault(`${field}.${list}.${index}`, item.trim()) ?? []);
    // Together they can fail where each alone is right: the same group name twice.
    return faults.length > 0 ? faults : (patternFault(`${field}.${list}`, joinPatterns(items) ?? '') ?? []);
  });
}

function patternFault(field: string, pattern: string): FilterFault[] | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return [{ field, message: `not a regular expression in RE2 syntax: ${(error as Error).message}` }];
  }
}

/** The metric's name stands in the profile's query; Prometheus refuses it a second time. */
function labelFaults(field: string, labels: Readonly<Record<string, string>>): FilterFault[] {
  return Object.keys(labels)
    .filter((name) => !labelName.test(name) || name === '__name__')
    .map((name) => ({ field: `${field}.${name}`, message: `${JSON.stringify(name)} is not a label name` }));
}
