import type { ExplainedQuery } from '../usage/chunks/plan/explain-profile.js';

type Row = readonly string[];

const head: Row = ['ABOUT', 'QUERY', 'WITH REMOTE READ', 'BY PROMQL', 'WHY'];

const readers: Readonly<Record<ExplainedQuery['reader'], string>> = { chunks: 'chunks', promql: 'PromQL', none: '-' };
const ways: Readonly<Record<NonNullable<ExplainedQuery['asked']>, string>> = { batched: 'batched', each: 'once an experiment' };

/** A table for people: one line a query, columns as wide as they need. */
export function writeProfileTable(explained: readonly ExplainedQuery[]): string {
  const rows = [head, ...explained.map(rowOf)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function rowOf({ type, name, reader, asked, isProbed, reason = '' }: ExplainedQuery): Row {
  const way = asked === undefined ? '-' : ways[asked];
  return [type, name, readers[reader], isProbed ? `${way}, if a probe answers` : way, reason];
}
