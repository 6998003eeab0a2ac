import type { UsageColumn } from '../../../recommendation/usage-table.js';
import { takeColumn } from '../../columns.js';
import type { TableDraft } from '../../table-draft.js';
import type { UsageQuestion } from '../../usage-questions.js';

/** Where the number of series goes that a question's answer was made of: the pods are counted by the average of the CPU usage (E5). */
export function countedColumn({ column }: UsageQuestion): UsageColumn | undefined {
  return column === 'cpuUsage.avg' ? 'cpuUsage.count' : undefined;
}

/**
 * Writes the answer to one question into a table, as fillUsageTables does with PromQL's: every row that has a number is an interval (E4),
 * infinities count as missing (E15), JVM series give their labels and no number. Answers the column it made, if any; `made` = one that was made of the
 * same values before and is used again.
 */
export function fillDraft(
  draft: TableDraft,
  question: UsageQuestion,
  values: Float64Array,
  labels: Readonly<Record<string, string>>,
  made?: Float64Array,
): Float64Array | undefined {
  if (question.variable.startsWith('jvm')) fillJvm(draft, question, labels, values);
  if (!made || question.column === undefined) return fillColumn(draft, question.column, values);
  draft.setColumn(question.column, made);
  return made;
}

/** Copies the finite values into a column of the table, which it answers; without a name, or without any value, there is none and only rows are marked. */
export function fillColumn(draft: TableDraft, name: UsageColumn | undefined, values: Float64Array): Float64Array | undefined {
  const { present } = draft;
  let found = 0;
  let isInfinite = false;
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (Number.isFinite(value)) {
      present[row] = 1;
      found++;
    } else if (!Number.isNaN(value)) isInfinite = true;
  }
  if (name === undefined || found === 0) return undefined;
  const column = takeColumn(values.length);
  column.set(values);
  if (isInfinite) dropInfinities(column);
  draft.setColumn(name, column);
  return column;
}

function dropInfinities(column: Float64Array): void {
  for (let row = 0; row < column.length; row++) if (!Number.isFinite(column[row])) column[row] = Number.NaN;
}

/** `jvm_info` goes before `jvm_info_total`, whichever comes first. */
function fillJvm(draft: TableDraft, { variable }: UsageQuestion, labels: Readonly<Record<string, string>>, values: Float64Array): void {
  if (draft.jvm && variable === 'jvmInfoTotal') return;
  draft.jvm = { runtime: labels.runtime ?? '', vendor: labels.vendor ?? '', version: labels.version ?? '' };
  draft.jvmLastRow = values.findLastIndex((value) => !Number.isNaN(value));
}
