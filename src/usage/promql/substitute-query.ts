import type { SyntaxNode } from '@lezer/common';
import type { Experiment } from '../../experiments/experiment.js';
import { replaceExperiment } from '../../profiles/placeholders.js';
import { applyEdits, nodesNamed, parsePromql } from '../../promql/expression.js';
import { escapeRegex, escapeString } from '../../promql/matcher.js';

/**
 * The query for one experiment, as the reference asks it: placeholders become the experiment's values (spec: recommendations.md 1.1), but
 * escaped for the string, and the regular expression, that they stand in. `text` is PromQL, durations put in.
 */
export function substituteQuery(text: string, experiment: Experiment): string {
  const top = parsePromql(text);
  const literals = top ? nodesNamed(top, 'StringLiteral') : [];
  const edits = literals.map((literal) => ({
    from: literal.from,
    to: literal.to,
    text: substituteLiteral(text.slice(literal.from, literal.to), experiment, isRegex(literal)),
  }));
  return applyEdits(text, edits);
}

/** A raw string (backticks) knows no escapes, so it becomes a quoted one. */
function substituteLiteral(literal: string, experiment: Experiment, isRegex: boolean): string {
  const isRaw = literal.startsWith('`');
  const quote = isRaw ? '"' : literal[0]!;
  const inside = literal.slice(1, -1);
  const plain = isRaw ? escapeString(inside) : inside;
  const escaped = (value: string) => escapeString(isRegex ? escapeRegex(value) : value, quote);
  return `${quote}${replaceExperiment(plain, experiment, escaped)}${quote}`;
}

function isRegex(literal: SyntaxNode): boolean {
  const operator = literal.parent?.getChild('MatchOp')?.firstChild?.name;
  return operator === 'EqlRegex' || operator === 'NeqRegex';
}
