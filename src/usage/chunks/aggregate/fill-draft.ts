import type { UsageColumn } from '../../../recommendation/usage-table.js';
import type { TableDraft } from '../../table-draft.js';
import type { UsageQuestion } from '../../usage-questions.js';

/** The number of pods is taken from the average's series (E5). */
const countedQuestion: { readonly column: UsageColumn; readonly count: UsageColumn } = { column: 'cpuUsage.avg', count: 'cpuUsage.count' };

/**
 * Writes the answer to one question into a table, as fillUsageTables does with PromQL's: every row that has a number is an interval (E4),
 * infinities count as missing (E15), JVM series give their labels and no number.
 */
export function fillDraft(
  draft: TableDraft,
  question: UsageQuestion,
  { values, countOfSeries }: { readonly values: Float64Array; readonly countOfSeries: () => Float64Array },
  { labels }: { readonly labels: Readonly<Record<string, string>> },
): void {
  fillColumn(draft, question.column, values);
  if (question.column === countedQuestion.column) fillColumn(draft, countedQuestion.count, countOfSeries());
  if (question.variable.startsWith('jvm')) fillJvm(draft, question, labels, values);
}

function fillColumn(draft: TableDraft, name: UsageColumn | undefined, values: Float64Array): void {
  let column: Float64Array | undefined;
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (!Number.isFinite(value)) continue;
    draft.present[row] = 1;
    if (name === undefined) continue;
    column ??= draft.columnOf(name);
    column[row] = value;
  }
}

/** `jvm_info` goes before `jvm_info_total`, whichever comes first. */
function fillJvm(draft: TableDraft, { variable }: UsageQuestion, labels: Readonly<Record<string, string>>, values: Float64Array): void {
  if (draft.jvm && variable === 'jvmInfoTotal') return;
  draft.jvm = { runtime: labels.runtime ?? '', vendor: labels.vendor ?? '', version: labels.version ?? '' };
  draft.jvmLastRow = values.findLastIndex((value) => !Number.isNaN(value));
}
