import { isStorable } from '../database/database-error.js';

/** One thing wrong with a value; `field` is the path of the offending member, '' for the value itself. */
export interface TextFault {
  readonly field: string;
  readonly message: string;
}

/** Characters of the longest text, names of members among them. */
export const longestText = 4_096;

/** Texts, names of members among them, that PostgreSQL cannot keep (those with U+0000 or half a surrogate pair) or that exceed `longestText`, and members named `__proto__`, which are lost when objects are copied. */
export function textFaults(value: unknown, path = ''): TextFault[] {
  if (typeof value === 'string') return faultsOf(value, path);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const inside = path === '' ? name : `${path}.${name}`;
    const faults =
      name === '__proto__' ? [{ field: inside, message: 'A member must not be named __proto__; rename it' }] : faultsOf(name, inside);
    return faults.length > 0 ? faults : textFaults(member, inside);
  });
}

function faultsOf(text: string, field: string): TextFault[] {
  if (text.length > longestText)
    return [{ field, message: `Text may have at most ${longestText} characters; this one has ${text.length}` }];
  return isStorable(text) ? [] : [{ field, message: 'Text may hold neither U+0000 nor half a surrogate pair' }];
}
