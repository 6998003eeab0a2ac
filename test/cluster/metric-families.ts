import type { PlannedContainer, PlannedPod, PlannedWorkload } from './plan-cluster.js';
import { accumulate, cpuDemand, cpuUsage, type Grid, memoryUsage, throttling } from './usage-signal.js';

/** Values of a series: a constant, or one value per instant. `decimals` are written with six decimals, `whole` with none. */
export type Values = number | { readonly format: 'decimals' | 'whole'; readonly at: (grid: Grid, seed: number) => Float64Array };

/** Returns the series of a metric in a place: additional labels and values. Empty = no series. */
export type SeriesOf<Place> = (place: Place) => readonly (readonly [labels: Readonly<Record<string, string>>, values: Values])[];

export interface NamespacePlace {
  readonly workloads: readonly PlannedWorkload[];
}
export interface PodPlace {
  readonly workload: PlannedWorkload;
  readonly pod: PlannedPod;
}
export interface ContainerPlace extends PodPlace {
  readonly container: PlannedContainer;
}

/** A metric: name, OpenMetrics type, and its series in each place. */
export type MetricFamily = { readonly metric: string; readonly type: 'gauge' | 'info' | 'counter' } & (
  | { readonly of: 'namespace'; readonly series: SeriesOf<NamespacePlace> }
  | { readonly of: 'pod'; readonly series: SeriesOf<PodPlace> }
  | { readonly of: 'container'; readonly series: SeriesOf<ContainerPlace> }
);

const gib = 1024 ** 3;

const cpuUsed =
  ({ container: { shape, resources } }: ContainerPlace) =>
  (grid: Grid, seed: number) =>
    cpuUsage(cpuDemand(shape, seed, grid), resources.cpuLimit);
const memoryUsed =
  ({ container: { shape, resources } }: ContainerPlace) =>
  (grid: Grid, seed: number) =>
    memoryUsage(shape, seed, grid, resources.memoryLimit);

/** Resident memory as a share of the working set, which also contains page cache. */
const rssShare = 0.9;
const heapShare = 0.6;
const share = (part: number, place: ContainerPlace) => (grid: Grid, seed: number) =>
  memoryUsed(place)(grid, seed).map((bytes) => Math.floor(bytes * part));

const granted = (cores: number | undefined, bytes: number | undefined) => [
  ...(cores === undefined ? [] : [[{ resource: 'cpu', unit: 'core' }, cores] as const]),
  ...(bytes === undefined ? [] : [[{ resource: 'memory', unit: 'byte' }, bytes] as const]),
];

/** The metrics of kube-state-metrics, cAdvisor, the JVM and recording rules that recommendations use. */
export const metricFamilies: readonly MetricFamily[] = [
  {
    metric: 'kube_namespace_status_phase',
    type: 'gauge',
    of: 'namespace',
    series: () => [
      [{ phase: 'Active' }, 1],
      [{ phase: 'Terminating' }, 0],
    ],
  },
  {
    metric: 'kube_resourcequota',
    type: 'gauge',
    of: 'namespace',
    series: ({ workloads }) =>
      (
        [
          ['requests.cpu', workloads.length * 4],
          ['limits.cpu', workloads.length * 8],
          ['requests.memory', workloads.length * 8 * gib],
          ['limits.memory', workloads.length * 16 * gib],
        ] as const
      ).map(([resource, hard]) => [{ resource, type: 'hard', resourcequota: 'team' }, hard]),
  },
  {
    metric: 'namespace_workload_pod:kube_pod_owner:relabel',
    type: 'gauge',
    of: 'pod',
    series: ({ workload }) => [[{ workload: workload.name, workload_type: workload.type }, 1]],
  },
  { metric: 'kube_pod_info', type: 'info', of: 'pod', series: () => [[{}, 1]] },
  { metric: 'kube_pod_status_phase', type: 'gauge', of: 'pod', series: () => [[{ phase: 'Running' }, 1]] },
  {
    metric: 'kube_pod_container_info',
    type: 'info',
    of: 'container',
    series: ({ container, pod }) => [[{ image: `${container.image}:${pod.version}` }, 1]],
  },
  {
    metric: 'kube_pod_container_resource_requests',
    type: 'gauge',
    of: 'container',
    series: ({ container: { resources } }) => granted(resources.cpuRequest, resources.memoryRequest),
  },
  {
    metric: 'kube_pod_container_resource_limits',
    type: 'gauge',
    of: 'container',
    series: ({ container: { resources } }) => granted(resources.cpuLimit, resources.memoryLimit),
  },
  {
    metric: 'node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate',
    type: 'gauge',
    of: 'container',
    series: (place) => [[{}, { format: 'decimals', at: cpuUsed(place) }]],
  },
  {
    metric: 'container_cpu_usage_seconds_total',
    type: 'counter',
    of: 'container',
    series: (place) => [[{}, { format: 'decimals', at: (grid, seed) => accumulate(cpuUsed(place)(grid, seed), grid.stepSeconds) }]],
  },
  {
    metric: 'container_cpu_cfs_throttled_seconds_total',
    type: 'counter',
    of: 'container',
    // The kernel counts throttling only if there is a limit.
    series: ({ container: { shape, resources } }) =>
      resources.cpuLimit === undefined
        ? []
        : [
            [
              {},
              {
                format: 'decimals',
                at: (grid, seed) => accumulate(throttling(cpuDemand(shape, seed, grid), resources.cpuLimit!), grid.stepSeconds),
              },
            ],
          ],
  },
  {
    metric: 'container_memory_working_set_bytes',
    type: 'gauge',
    of: 'container',
    series: (place) => [[{}, { format: 'whole', at: memoryUsed(place) }]],
  },
  {
    metric: 'container_memory_rss',
    type: 'gauge',
    of: 'container',
    series: (place) => [[{}, { format: 'whole', at: share(rssShare, place) }]],
  },
  {
    metric: 'jvm_info',
    type: 'gauge',
    of: 'container',
    series: ({ container: { jvmVersion } }) =>
      jvmVersion ? [[{ runtime: 'OpenJDK Runtime Environment', vendor: 'Eclipse Adoptium', version: jvmVersion }, 1]] : [],
  },
  {
    metric: 'jvm_memory_used_bytes',
    type: 'gauge',
    of: 'container',
    series: (place) =>
      place.container.jvmVersion
        ? [
            [
              { area: 'heap', id: 'G1 Old Gen' },
              { format: 'whole', at: share(heapShare, place) },
            ],
          ]
        : [],
  },
];
