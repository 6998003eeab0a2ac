import { escapeRegex } from '../../promql/quote-promql.js';
import type { Matcher } from '../series-windows.js';

/** A matcher for any of the values: equality for one, a regular expression for several (it is anchored). */
export function matchOneOf(name: string, values: readonly string[]): Matcher {
  const distinct = [...new Set(values)].sort();
  if (distinct.length === 1) return { type: '=', name, value: distinct[0]! };
  return { type: '=~', name, value: distinct.map(escapeRegex).join('|') };
}
