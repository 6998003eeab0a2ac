import type { ContainerExperiment } from '../experiments/experiment.js';
import { groupByName } from '../owners/places.js';
import { applyEdits, childrenOf, type Edit, nodesNamed, parsePromql } from '../promql/expression.js';
import { matchAnyOf } from '../promql/matcher.js';

/** Whether the containers have what the query looks for: its answer has a series for each that does. */
export interface PresenceQuery {
  readonly query: string;
  /** Whose presence the answer tells. */
  readonly experiments: readonly ContainerExperiment[];
  /** By the labels `namespace` and `container`; else any series speaks for all of them. */
  readonly tellsApart: boolean;
}

/** Whether a presence query aggregates, or calls a function such as `absent`, so that its answer does not tell whose series it is made of. */
export function mixesSeries(presence: string): boolean {
  const top = parsePromql(presence);
  return !top || ['AggregateExpr', 'FunctionCall'].some((name) => nodesNamed(top, name).length > 0);
}

/**
 * The queries that ask a presence query of many containers at once: filters for their namespaces and names go into its first selector, where the
 * reference puts them too (spec: recommendations.md 10.1). A query that mixes series is asked once for each (namespace, container).
 */
export function planPresenceQueries(presence: string, experiments: readonly ContainerExperiment[]): PresenceQuery[] {
  if (experiments.length === 0) return [];
  if (mixesSeries(presence)) {
    return groupByName(experiments).map((alike) => ({
      query: `group(${narrowed(presence, alike)})`,
      experiments: alike,
      tellsApart: false,
    }));
  }
  return [{ query: `group by (namespace, container) (${narrowed(presence, experiments)})`, experiments, tellsApart: true }];
}

/** The query whose answer tells the pods too, by the label `pod`; for a presence query that does not mix series. */
export function planPodsQuery(presence: string, experiments: readonly ContainerExperiment[]): string {
  return `group by (namespace, container, pod) (${narrowed(presence, experiments)})`;
}

/** A presence query that mixes series, of one container in these pods. */
export function planQueryOfPods(presence: string, experiment: ContainerExperiment, pods: readonly string[]): PresenceQuery {
  const query = `group(${narrowed(presence, [experiment], [matchAnyOf('pod', pods)])})`;
  return { query, experiments: [experiment], tellsApart: false };
}

function narrowed(query: string, experiments: readonly ContainerExperiment[], more: readonly string[] = []): string {
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
  const text = `{${[...given, namespaces, containers, ...more].join(', ')}}`;
  const edit: Edit = matchers ? { from: matchers.from, to: matchers.to, text } : { from: selector.to, to: selector.to, text };
  return applyEdits(query, [edit]);
}
