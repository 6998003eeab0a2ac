import type { Datasource } from '../datasource/datasource.js';
import { DatasourceClient, type PrometheusSeries } from '../datasource/datasource-client.js';
import type { ContainerExperiment, Experiment } from '../experiments/experiment.js';
import { ownersQuery } from '../owners/owner-sources.js';
import { nameMatchers } from '../owners/places.js';
import { matchAnyOf } from '../promql/matcher.js';
import { type Evidence, type Extras, noEvidence, type OomKill, type Resource, recommendationTypes } from '../recommendation/settings.js';
import type { Settings } from '../settings/settings-schema.js';

/** Resolution of the time of a kill. */
export const killStepSeconds = 3_600;

/**
 * Range query: the memory limits (bytes) of containers in the hours in which they were OOM-killed; no sample for other hours. A kill is a restart whose
 * last reason is OOMKilled (kube-state-metrics), or an OOM event of the kernel (cAdvisor), which does not always cause a restart.
 */
export function oomKillsQuery(experiments: readonly ContainerExperiment[], scope: Settings['USAGE_SCOPE']): string {
  const hour = `[${killStepSeconds}s]`;
  const names = nameMatchers(experiments);
  const sameContainer = 'on (namespace, pod, container)';
  const restarted = `increase(kube_pod_container_status_restarts_total{${names}}${hour}) > 0`;
  const wasKilled = `max_over_time(kube_pod_container_status_last_terminated_reason{reason="OOMKilled", ${names}}${hour}) > 0`;
  const events = `increase(container_oom_events_total{${names}}${hour}) > 0`;
  const killed = `((${restarted}) and ${sameContainer} (${wasKilled})) or ${sameContainer} (${events})`;
  const limits = `min_over_time(kube_pod_container_resource_limits{resource="memory", unit="byte", ${names}}${hour})`;
  const atKill = `(${limits} and ${sameContainer} (${killed}))`;
  if (scope === 'container') return `max by (namespace, container) ${atKill}`;
  const owners = ownersQuery({
    namespaces: experiments.map(({ namespace }) => namespace),
    workloads: experiments.map(({ workload }) => workload),
    reachSeconds: killStepSeconds,
    namespaceLabel: 'namespace',
    podLabel: 'pod',
  });
  const joined = `${atKill} * on (namespace, pod) group_left (workload, workload_type) ${owners}`;
  return `max by (namespace, container, workload, workload_type) (${joined})`;
}

/** Instant query: utilisation targets (percent of the request) of HorizontalPodAutoscalers, with labels for the target workload and the resource. */
export function hpaTargetsQuery(experiments: readonly ContainerExperiment[]): string {
  const [namespaces, workloads] = [experiments.map(({ namespace }) => namespace), experiments.map(({ workload }) => workload)];
  const namespace = matchAnyOf('namespace', namespaces);
  const workload = matchAnyOf('scaletargetref_name', workloads);
  const selected = `metric_name=~"cpu|memory", metric_target_type="utilization", ${namespace}`;
  const targets = `max by (namespace, horizontalpodautoscaler, metric_name) (kube_horizontalpodautoscaler_spec_target_metric{${selected}})`;
  const labels = 'scaletargetref_kind, scaletargetref_name';
  const info = `max by (namespace, horizontalpodautoscaler, ${labels}) (kube_horizontalpodautoscaler_info{${namespace}, ${workload}})`;
  return `${targets} * on (namespace, horizontalpodautoscaler) group_left (${labels}) ${info}`;
}

/** The kills of a container: from the series with its namespace and name and, if the series have these labels, its workload. */
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

/** What evidence to read: experiments, look-back in days from `endSeconds`, extras. */
export interface EvidenceRequest {
  readonly datasource: Datasource;
  readonly experiments: readonly Experiment[];
  readonly endSeconds: number;
  readonly days: number;
  readonly extras: Extras;
}

/** Reads the evidence that extras need besides usage: one query for kills and one for autoscalers, each only if the extras use it. */
export class EvidenceReader {
  constructor(
    private readonly client: DatasourceClient,
    private readonly settings: Pick<Settings, 'USAGE_SCOPE'>,
  ) {}

  /** Returns the evidence of each experiment, in order; none for namespaces. Rejects with a DatasourceError. */
  async read(request: EvidenceRequest, signal?: AbortSignal): Promise<Evidence[]> {
    const containers = request.experiments.filter((experiment) => experiment.type === 'container');
    const [kills, targets] = await Promise.all([this.kills(containers, request, signal), this.hpaTargets(containers, request, signal)]);
    return request.experiments.map((experiment) => {
      if (experiment.type === 'namespace') return noEvidence;
      return { oomKills: readOomKills(kills, experiment), hpaResources: readHpaResources(targets, experiment) };
    });
  }

  private async kills(containers: readonly ContainerExperiment[], request: EvidenceRequest, signal?: AbortSignal) {
    if (!request.extras.oom || containers.length === 0) return noSeries;
    const { datasource, endSeconds, days } = request;
    const range = {
      query: oomKillsQuery(containers, this.settings.USAGE_SCOPE),
      startSeconds: endSeconds - Math.floor((days * 86_400) / killStepSeconds) * killStepSeconds,
      endSeconds,
      stepSeconds: killStepSeconds,
    };
    return (await this.client.queryRange(datasource, range, signal)).series;
  }

  private async hpaTargets(containers: readonly ContainerExperiment[], request: EvidenceRequest, signal?: AbortSignal) {
    if (request.extras.hpa === 'ignore' || containers.length === 0) return noSeries;
    const { datasource, endSeconds } = request;
    return (await this.client.query(datasource, { query: hpaTargetsQuery(containers), timeSeconds: endSeconds }, signal)).series;
  }
}

const noSeries: readonly PrometheusSeries[] = [];
