import type { ContainerExperiment } from '../../experiments/experiment.js';
import { applyEdits, type Edit } from '../../promql/edit-text.js';
import { childrenOf, nodesNamed, parsePromql } from '../../promql/parse-promql.js';
import { matchAnyOf } from '../../promql/quote-promql.js';

/** Whether the containers have what the query looks for: its answer has a series for each that does. */
export interface PresenceQuery {
  readonly query: string;
  /** Whose presence the answer tells. */
  readonly experiments: readonly ContainerExperiment[];
  /** By the labels `namespace` and `container`; else any series speaks for all of them. */
  readonly tellsApart: boolean;
}

/**
 * The queries that ask a presence query of many containers at once: filters for their namespaces and names go into its first selector, where the
 * reference puts them too (spec: recommendations.md 10.1). A query that aggregates, or calls a function such as `absent`, would answer without these labels: it is
 * asked once for each (namespace, container).
 */
export function planPresenceQueries(presence: string, experiments: readonly ContainerExperiment[]): PresenceQuery[] {
  if (experiments.length === 0) return [];
  const top = parsePromql(presence);
  const isMixed = !top || ['AggregateExpr', 'FunctionCall'].some((name) => nodesNamed(top, name).length > 0);
  if (!isMixed) return [{ query: `group by (namespace, container) (${narrowed(presence, experiments)})`, experiments, tellsApart: true }];
  const groups = new Map<string, ContainerExperiment[]>();
  for (const experiment of experiments) {
    const key = JSON.stringify([experiment.namespace, experiment.container]);
    groups.set(key, [...(groups.get(key) ?? []), experiment]);
  }
  return [...groups.values()].map((alike) => ({ query: `group(${narrowed(presence, alike)})`, experiments: alike, tellsApart: false }));
}

function narrowed(query: string, experiments: readonly ContainerExperiment[]): string {
  const top = parsePromql(query);
  const [selector] = top ? nodesNamed(top, 'VectorSelector') : [];
  if (!selector) return query;
  const namespaces = matchAnyOf(
    'namespace',
    experiments.map(({ namespace }) => namespace),
  );
  const containers = matchAnyOf(
    'container',
    experiments.map(({ container }) => container),
  );
  const matchers = childrenOf(selector).find(({ name }) => name === 'LabelMatchers');
  const given = matchers ? childrenOf(matchers).map(({ from, to }) => query.slice(from, to)) : [];
  const text = `{${[...given, namespaces, containers].join(', ')}}`;
  const edit: Edit = matchers ? { from: matchers.from, to: matchers.to, text } : { from: selector.to, to: selector.to, text };
  return applyEdits(query, [edit]);
}
