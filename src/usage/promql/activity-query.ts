import type { SyntaxNode } from '@lezer/common';
import { nodesNamed, parsePromql } from '../../promql/expression.js';

/**
 * A cheaper equal of the profile's maxDate query, `…(last_over_time((timestamp(S > 0))[15d:]))`, of which only matters whether it answers anything
 * (spec: recommendations.md E1). It does where at any of the 21,600 minutes of 15 days the latest sample of S was above zero, that is, where a
 * sample above zero exists: where the largest sample is above zero (17 times as fast, measured). The two differ only for a container whose samples
 * above zero were each followed by a zero within the same minute. A query of another shape is asked as it is.
 */
export function activityQuery(maxDateQuery: string): string {
  const top = parsePromql(maxDateQuery);
  const selectors = top ? nodesNamed(top, 'VectorSelector') : [];
  const [selector] = selectors;
  if (selectors.length !== 1 || !selector || !isTimestampOfPositive(selector, maxDateQuery)) return maxDateQuery;
  return `max(max_over_time(${maxDateQuery.slice(selector.from, selector.to)}[15d])) > 0`;
}

/** Whether the selector stands in `timestamp(S > 0)` and that in `[15d:]`. */
function isTimestampOfPositive(selector: SyntaxNode, text: string): boolean {
  const comparison = selector.parent;
  const call = comparison?.parent?.parent;
  const isPositive = comparison?.name === 'BinaryExpr' && /^>\s*0$/.test(text.slice(selector.to, comparison.to).trim());
  const isTimestamp = call?.name === 'FunctionCall' && call.firstChild?.firstChild?.name === 'Timestamp';
  return isPositive && isTimestamp && text.includes('[15d:]');
}
