import type { ContainerExperiment, Experiment } from '../../experiments/experiment.js';
import { lookBackSeconds, ownersQuery } from '../../owners/owner-sources.js';
import { applyEdits, type Edit } from '../../promql/expression.js';
import { matchAnyOf } from '../../promql/matcher.js';
import type { Settings } from '../../settings/settings-schema.js';
import { assumedScrapeSeconds, type PodExpression, type QueryShape } from './query-shape.js';

/** A label of the returned series and the member of the experiment that it matches. */
export interface KeyLabel {
  readonly label: string;
  readonly member: keyof Pick<ContainerExperiment, 'namespace' | 'container' | 'workload' | 'workloadType'>;
}

/** One query for many experiments. */
export interface BatchedQuery {
  readonly query: string;
  /** Labels that map series to experiments. */
  readonly keyLabels: readonly KeyLabel[];
  /** Estimate of the samples that the datasource reads for one instant. */
  readonly samplesPerInstant: number;
}

/**
 * Writes one query for many experiments of one type. Equalities become matchers for all their names, groupings keep the labels that
 * identify experiments, and in scope `workload` pods are joined to their workloads. Undefined if the query has no labels for the join.
 */
export function batchQuery(
  shape: QueryShape,
  experiments: readonly Experiment[],
  scope: Settings['USAGE_SCOPE'],
): BatchedQuery | undefined {
  const containers = experiments.filter((experiment) => experiment.type === 'container');
  const isJoined = scope === 'workload' && containers.length > 0;
  if (isJoined && !shape.namespaceLabel.endsWith('namespace')) return undefined;
  const keyLabels = keyLabelsOf(shape, isJoined);
  const values = {
    namespace: experiments.map((experiment) => experiment.namespace),
    container: containers.map((experiment) => experiment.container),
  };
  const edits = [
    ...shape.matchers.map(({ field, label, from, to }) => ({ from, to, text: matchAnyOf(label, values[field]) })),
    ...shape.groupings.map(({ labels, from, to }) => ({
      from,
      to,
      text: `${from === to ? ' ' : ''}by (${withLabels(labels, keyLabels)})`,
    })),
    ...(isJoined ? shape.podExpressions.flatMap((expression) => joinEdits(expression, shape, containers)) : []),
  ];
  const pods = experiments.reduce((sum, experiment) => sum + experiment.pods, 0);
  const ownerSamples = isJoined ? Math.max(...shape.podExpressions.map(ownerSamplesOf)) : 0;
  return { query: applyEdits(shape.text, edits), keyLabels, samplesPerInstant: pods * (shape.samplesPerInstant + ownerSamples) };
}

function keyLabelsOf({ namespaceLabel, containerLabel }: QueryShape, isJoined: boolean): KeyLabel[] {
  return [
    { label: namespaceLabel, member: 'namespace' },
    ...(containerLabel === undefined ? [] : [{ label: containerLabel, member: 'container' } as const]),
    ...(isJoined
      ? ([
          { label: 'workload', member: 'workload' },
          { label: 'workload_type', member: 'workloadType' },
        ] as const)
      : []),
  ];
}

function withLabels(labels: readonly string[], keyLabels: readonly KeyLabel[]): string {
  return [...new Set([...labels, ...keyLabels.map(({ label }) => label)])].join(', ');
}

/**
 * Joins pods to workloads by multiplying with 1, which changes no bit of a value. Prometheus processes joined series in an order that
 * varies, so sums and averages of two or more pods may differ in the last bit between calls and from the unjoined query.
 */
function joinEdits(expression: PodExpression, { namespaceLabel }: QueryShape, containers: readonly ContainerExperiment[]): Edit[] {
  const podLabel = `${namespaceLabel.slice(0, -'namespace'.length)}pod`;
  const owners = ownersQuery({
    namespaces: containers.map((experiment) => experiment.namespace),
    workloads: containers.map((experiment) => experiment.workload),
    reachSeconds: expression.reachSeconds,
    namespaceLabel,
    podLabel,
  });
  const join = `) * on (${namespaceLabel}, ${podLabel}) group_left (workload, workload_type) ${owners}`;
  return [
    { from: expression.from, to: expression.from, text: '(' },
    { from: expression.to, to: expression.to, text: join },
  ];
}

function ownerSamplesOf(expression: PodExpression): number {
  return (expression.reachSeconds + lookBackSeconds) / assumedScrapeSeconds;
}
