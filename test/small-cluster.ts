/** One container of one pod with constant usage. Names may be any label value. */
export interface SmallContainer {
  readonly namespace: string;
  readonly workload: string;
  readonly workloadType?: string;
  readonly container: string;
  /** Image, or images with their start in hours before the end, oldest first. */
  readonly image?: string | readonly (readonly [image: string, fromHours: number])[];
  readonly cpuCores: number;
  readonly memoryBytes: number;
  /** Additional labels of the series that discovery reads. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface SmallClusterOptions {
  readonly endSeconds: number;
  readonly hours: number;
  readonly stepSeconds: number;
}

/** A metric: its type, and the series per container with labels and value at a number of seconds from the start. */
interface Family {
  readonly metric: string;
  readonly type: 'gauge' | 'counter';
  readonly series: (container: SmallContainer, pod: string) => readonly [labels: Labels, value: (seconds: number) => number][];
}
type Labels = Readonly<Record<string, string>>;

const placeOf = ({ namespace, container }: SmallContainer, pod: string) => ({ namespace, pod, container });
const constant = (value: number) => () => value;

const families: readonly Family[] = [
  {
    metric: 'kube_namespace_status_phase',
    type: 'gauge',
    series: ({ namespace, labels }) => [[{ namespace, phase: 'Active', ...labels }, constant(1)]],
  },
  {
    metric: 'namespace_workload_pod:kube_pod_owner:relabel',
    type: 'gauge',
    series: ({ namespace, workload, workloadType = 'deployment', labels }, pod) => [
      [{ namespace, pod, workload, workload_type: workloadType, ...labels }, constant(1)],
    ],
  },
  {
    metric: 'node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate',
    type: 'gauge',
    series: (container, pod) => [[placeOf(container, pod), constant(container.cpuCores)]],
  },
  {
    metric: 'container_cpu_usage_seconds_total',
    type: 'counter',
    series: (container, pod) => [[placeOf(container, pod), (seconds) => 1 + seconds * container.cpuCores]],
  },
  {
    metric: 'container_memory_working_set_bytes',
    type: 'gauge',
    series: (container, pod) => [[placeOf(container, pod), constant(container.memoryBytes)]],
  },
  {
    metric: 'container_memory_rss',
    type: 'gauge',
    series: (container, pod) => [[placeOf(container, pod), constant(container.memoryBytes)]],
  },
];

/** Returns the cluster as OpenMetrics text, with a sample every `stepSeconds` up to the end. Each container has its own pod. */
export function smallCluster(containers: readonly SmallContainer[], options: SmallClusterOptions): string {
  const lines: string[] = [];
  for (const { metric, type, series } of families) {
    lines.push(`# TYPE ${metric.replace(/_total$/, '')} ${type}`);
    const written = new Set<string>();
    for (const [index, container] of containers.entries()) {
      for (const [labels, value] of series(container, `pod-${index}`)) {
        const name = seriesText(metric, labels);
        if (written.has(name)) continue;
        written.add(name);
        for (const at of instants(options)) lines.push(`${name} ${value(at - startOf(options))} ${at}`);
      }
    }
  }
  lines.push('# TYPE kube_pod_container info', ...containers.flatMap((container, index) => imageLines(container, `pod-${index}`, options)));
  return `${lines.join('\n')}\n# EOF\n`;
}

function imageLines(container: SmallContainer, pod: string, options: SmallClusterOptions): string[] {
  const { image = 'image:1', labels } = container;
  const images = typeof image === 'string' ? [[image, options.hours] as const] : image;
  return images.flatMap(([name, fromHours], index) => {
    const from = options.endSeconds - fromHours * 3600;
    const to = index + 1 < images.length ? options.endSeconds - images[index + 1]![1] * 3600 : Number.POSITIVE_INFINITY;
    const series = seriesText('kube_pod_container_info', { ...placeOf(container, pod), image: name, ...labels });
    return instants(options)
      .filter((at) => at >= from && at < to)
      .map((at) => `${series} 1 ${at}`);
  });
}

function startOf({ endSeconds, hours }: SmallClusterOptions): number {
  return endSeconds - hours * 3600;
}

function instants(options: SmallClusterOptions): number[] {
  const count = (options.hours * 3600) / options.stepSeconds;
  return Array.from({ length: count }, (_, index) => options.endSeconds - (count - 1 - index) * options.stepSeconds);
}

/** Escapes backslash, quote and line feed in a label value, as OpenMetrics requires. */
function seriesText(metric: string, labels: Labels): string {
  const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `${metric}{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',')}}`;
}
