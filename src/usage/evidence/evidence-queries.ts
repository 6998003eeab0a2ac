import type { ContainerExperiment } from '../../experiments/experiment.js';
import { matchAnyOf } from '../../promql/matcher.js';
import type { Settings } from '../../settings/settings-schema.js';
import { ownersQuery } from '../promql/owners-query.js';

/** How finely the time of a kill is told. */
export const killStepSeconds = 3_600;

/**
 * Range query: the memory limits (bytes) of containers in the hours in which they were killed for lack of memory; no sample for other hours. A kill is a
 * restart whose last reason is OOMKilled (kube-state-metrics), or an OOM event of the kernel (cAdvisor), which is not always followed by a restart.
 */
export function oomKillsQuery(experiments: readonly ContainerExperiment[], scope: Settings['USAGE_SCOPE']): string {
  const hour = `[${killStepSeconds}s]`;
  const names = matchersOf(experiments);
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

/** Instant query: utilisation targets (percent of the request) of HorizontalPodAutoscalers, with what they scale and on which resource. */
export function hpaTargetsQuery(experiments: readonly ContainerExperiment[]): string {
  const namespace = matchAnyOf(
    'namespace',
    experiments.map((experiment) => experiment.namespace),
  );
  const workload = matchAnyOf(
    'scaletargetref_name',
    experiments.map((experiment) => experiment.workload),
  );
  const selected = `metric_name=~"cpu|memory", metric_target_type="utilization", ${namespace}`;
  const targets = `max by (namespace, horizontalpodautoscaler, metric_name) (kube_horizontalpodautoscaler_spec_target_metric{${selected}})`;
  const labels = 'scaletargetref_kind, scaletargetref_name';
  const info = `max by (namespace, horizontalpodautoscaler, ${labels}) (kube_horizontalpodautoscaler_info{${namespace}, ${workload}})`;
  return `${targets} * on (namespace, horizontalpodautoscaler) group_left (${labels}) ${info}`;
}

function matchersOf(experiments: readonly ContainerExperiment[]): string {
  const namespaces = experiments.map(({ namespace }) => namespace);
  const containers = experiments.map(({ container }) => container);
  return `${matchAnyOf('namespace', namespaces)}, ${matchAnyOf('container', containers)}`;
}
