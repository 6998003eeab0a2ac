import type { GeneratedContainer } from './cluster/generate-cluster.js';

/** Points of a usage file: number of intervals before the end, and value. */
export type Points = readonly (readonly [intervalsBack: number, value: string])[];

interface Matrix {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

export interface Window {
  readonly endSeconds: number;
  readonly days: number;
  readonly stepSeconds: number;
}

/** Function over the window, by outer aggregation, as in Kruize's metric profiles: a sum is a sum of averages. */
const inner = { avg: 'avg_over_time', min: 'min_over_time', max: 'max_over_time', sum: 'avg_over_time' } as const;
type Outer = keyof typeof inner;
const outers = Object.keys(inner) as Outer[];

/** The reference's queries for one container: the PromQL of Kruize's metric profile, unchanged. `minutes` is the length of an interval. */
export function referenceQueries({ namespace, container }: GeneratedContainer, minutes: number): Record<string, string> {
  const matchers = `container!="", container!="POD", pod!="", namespace="${namespace}", container="${container}"`;
  const by = (outer: Outer, inside: string) => `${outer} by(container, namespace) (${inside})`;
  const granted = (metric: string, resource: string, unit: string) => (outer: Outer) =>
    by(outer, `${metric}{${matchers}, resource="${resource}", unit="${unit}"}`);
  const over = (metric: string) => (outer: Outer) => by(outer, `${inner[outer]}(${metric}{${matchers}}[${minutes}m])`);
  const variables: Record<string, (outer: Outer) => string> = {
    cpuRequest: granted('kube_pod_container_resource_requests', 'cpu', 'core'),
    cpuLimit: granted('kube_pod_container_resource_limits', 'cpu', 'core'),
    memoryRequest: granted('kube_pod_container_resource_requests', 'memory', 'byte'),
    memoryLimit: granted('kube_pod_container_resource_limits', 'memory', 'byte'),
    cpuUsage: over('node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate'),
    cpuThrottle: (outer) => by(outer, `rate(container_cpu_cfs_throttled_seconds_total{${matchers}}[${minutes}m])`),
    memoryUsage: over('container_memory_working_set_bytes'),
    memoryRSS: over('container_memory_rss'),
  };
  const jvm = (metric: string) =>
    `sum by(container, namespace, runtime, vendor, version)(${metric}{namespace="${namespace}", container="${container}"})`;
  return {
    ...Object.fromEntries(Object.entries(variables).flatMap(([name, query]) => outers.map((outer) => [`${name}.${outer}`, query(outer)]))),
    'jvmInfo.sum': jvm('jvm_info'),
    'jvmInfoTotal.sum': jvm('jvm_info_total'),
  };
}

/** Reads the container's usage as the reference does, one range query after the other. Returns the `series` of a usage file. */
export async function readReferenceUsage(
  prometheusUrl: string,
  container: GeneratedContainer,
  window: Window,
): Promise<Record<string, unknown>> {
  const series: Record<string, unknown> = {};
  for (const [name, query] of Object.entries(referenceQueries(container, window.stepSeconds / 60))) {
    const [first] = await queryRange(prometheusUrl, query, window);
    if (!first) continue;
    const points: Points = first.values.map(([seconds, value]) => [Math.round((window.endSeconds - seconds) / window.stepSeconds), value]);
    series[name] = name.startsWith('jvm') ? { metric: first.metric, points } : points;
  }
  return series;
}

async function queryRange(prometheusUrl: string, query: string, { endSeconds, days, stepSeconds }: Window): Promise<readonly Matrix[]> {
  const parameters = { query, start: String(endSeconds - days * 86_400), end: String(endSeconds), step: String(stepSeconds) };
  const answer = await fetch(`${prometheusUrl}/api/v1/query_range`, { method: 'POST', body: new URLSearchParams(parameters) });
  const { status, data, error } = (await answer.json()) as { status: string; error?: string; data: { result: readonly Matrix[] } };
  if (status !== 'success') throw new Error(`Prometheus rejected ${query}: ${error}`);
  return data.result;
}
