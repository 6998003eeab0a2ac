import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import type { ContainerExperiment } from '../../experiments/experiment.js';
import { type OomKill, type Resource, recommendationTypes } from '../../recommendation/settings.js';

/** The kills of one container: from the series of its namespace and name, and of its workload where series name one. */
export function readOomKills(series: readonly PrometheusSeries[], experiment: ContainerExperiment): OomKill[] {
  return series
    .filter(({ labels }) => isOfContainer(labels, experiment))
    .flatMap(({ samples }) => samples.map(([atSeconds, text]) => ({ atSeconds, limitBytes: Number(text) })))
    .filter(({ limitBytes }) => Number.isFinite(limitBytes) && limitBytes > 0);
}

/** Resources on which a HorizontalPodAutoscaler scales the container's workload. */
export function readHpaResources(
  series: readonly PrometheusSeries[],
  { namespace, workload, workloadType }: ContainerExperiment,
): Resource[] {
  const targets = series.filter(
    ({ labels }) =>
      labels.namespace === namespace &&
      labels.scaletargetref_name === workload &&
      labels.scaletargetref_kind?.toLowerCase() === workloadType.toLowerCase(),
  );
  return recommendationTypes.resources.filter((resource) => targets.some(({ labels }) => labels.metric_name === resource));
}

function isOfContainer(labels: PrometheusSeries['labels'], experiment: ContainerExperiment): boolean {
  const { namespace, container, workload, workloadType } = experiment;
  const isOfWorkload = labels.workload === undefined || (labels.workload === workload && labels.workload_type === workloadType);
  return labels.namespace === namespace && labels.container === container && isOfWorkload;
}
