import type { JvmInfo, UsageTable } from './usage-table.js';

/**
 * The JVM of a term that begins at `startMs` (Unix milliseconds): none where its series ended before. Like everything that a model is made from it
 * is looked for in the intervals of the term alone (recommendations.md 10.2). A reader that does not tell when it was last seen saw it just now.
 */
export function jvmOfTerm({ jvm, jvmLastRow, endSeconds, stepSeconds, length }: UsageTable, startMs: number): JvmInfo | undefined {
  if (jvm === undefined || jvmLastRow === undefined) return jvm;
  const lastSeconds = endSeconds - (length - 1 - jvmLastRow) * stepSeconds;
  return lastSeconds * 1000 >= startMs ? jvm : undefined;
}
