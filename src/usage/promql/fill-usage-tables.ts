import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import type { UsageColumn } from '../../recommendation/usage-table.js';
import { rowOf, type TableDraft } from '../table-draft.js';
import { groupSeries } from './group-series.js';
import type { PlannedQuery } from './plan-usage-queries.js';

/**
 * Reads one query's answer into the tables (by the experiment's place in the request). Of several series of one experiment the first is read
 * (spec: recommendations.md 2.5). Every instant that has a number makes its row an interval (E4); NaN and infinities count as missing (E15).
 */
export function fillUsageTables(drafts: readonly TableDraft[], planned: PlannedQuery, answer: readonly PrometheusSeries[]): void {
  for (const [index, [first]] of groupSeries(planned, answer)) {
    const draft = drafts[index]!;
    fillColumn(draft, planned.question.column, first!);
    if (planned.question.variable.startsWith('jvm')) readJvm(draft, planned, first!);
  }
}

function fillColumn(draft: TableDraft, name: UsageColumn | undefined, { samples }: PrometheusSeries): void {
  let column: Float64Array | undefined;
  for (const [seconds, text] of samples) {
    const value = Number(text);
    const row = rowOf(draft.grid, seconds);
    if (!Number.isFinite(value) || row < 0) continue;
    draft.present[row] = 1;
    if (name === undefined) continue;
    column ??= draft.columnOf(name);
    column[row] = value;
  }
}

/** `jvm_info` goes before `jvm_info_total`, whichever is answered first. */
function readJvm(draft: TableDraft, { question }: PlannedQuery, { labels, samples }: PrometheusSeries): void {
  if (draft.jvm && question.variable === 'jvmInfoTotal') return;
  draft.jvm = { runtime: labels.runtime ?? '', vendor: labels.vendor ?? '', version: labels.version ?? '' };
  draft.jvmLastRow = rowOf(draft.grid, samples.at(-1)![0]);
}
