import { randomAt, randomSuffix, seedOf } from './random.js';
import { type UsageShape, usageShapes } from './usage-shape.js';
import { type ContainerTemplate, type History, type Resources, type WorkloadTemplate, workloadTemplates } from './workload-templates.js';

export interface ClusterOptions {
  /** Number of containers, counted like experiments: a workload's container counts once, whatever its number of pods. */
  readonly containers: number;
  readonly days: number;
  readonly scrapeSeconds: number;
  /** Epoch seconds of "now": histories end here, and the last sample is the last scrape up to here. */
  readonly endSeconds: number;
  readonly seed: number;
  /** Number of concurrent pods of every workload; default: each template's number. */
  readonly podsPerContainer?: number;
  /** Everything that runs at `endSeconds` continues this long, so that the data stay fresh for later use. Default 0. */
  readonly tailSeconds?: number;
}

/** A pod has samples at the scrapes from `startSeconds` (inclusive) to `endSeconds` (exclusive). */
export interface PlannedPod {
  readonly name: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Tag of its images. */
  readonly version: string;
}

export interface PlannedContainer {
  readonly name: string;
  readonly image: string;
  readonly shape: UsageShape;
  /** Cores and bytes. */
  readonly resources: Resources;
  readonly jvmVersion?: string;
}

export interface PlannedWorkload {
  readonly namespace: string;
  readonly name: string;
  readonly type: WorkloadTemplate['type'];
  readonly containers: readonly PlannedContainer[];
  readonly pods: readonly PlannedPod[];
}

export const daySeconds = 86_400;
const mib = 1024 ** 2;
const areas = ['', '-staging', '-eu', '-us', '-apac'];

/** Plans the workloads of a cluster with exactly `containers` containers. Each repetition of the templates has its own namespaces. */
export function planCluster(options: ClusterOptions): PlannedWorkload[] {
  const workloads: PlannedWorkload[] = [];
  let missing = options.containers;
  for (let number = 0; missing > 0; number++) {
    const template = workloadTemplates[number % workloadTemplates.length]!;
    const repetition = Math.floor(number / workloadTemplates.length);
    const containers = template.containers.slice(0, missing);
    missing -= containers.length;
    workloads.push(
      planWorkload({ ...template, containers, namespace: template.namespace + (areas[repetition] ?? `-${repetition}`) }, options),
    );
  }
  return workloads;
}

function planWorkload(template: WorkloadTemplate, options: ClusterOptions): PlannedWorkload {
  const { namespace, name, type, containers } = template;
  const seed = seedOf(options.seed, `${namespace}/${name}`);
  // Workloads of one shape use different amounts: 0.5 to 1.5 times the shape's.
  const scale = 0.5 + randomAt(seed, 1);
  return {
    namespace,
    name,
    type,
    containers: containers.map((container) => planContainer(container, scale)),
    pods: planPods(template, seed, options),
  };
}

function planContainer({ name, usage, resources, jvmVersion }: ContainerTemplate, scale: number): PlannedContainer {
  const shape: UsageShape = usageShapes[usage];
  const { cpuCores, burstCores, memoryBytes, leakBytesPerDay } = shape;
  return {
    name,
    image: `quay.io/demo/${name}`,
    shape: {
      ...shape,
      cpuCores: cpuCores * scale,
      burstCores: burstCores * scale,
      memoryBytes: memoryBytes * scale,
      leakBytesPerDay: leakBytesPerDay * scale,
    },
    resources: {
      ...resources,
      memoryRequest: resources.memoryRequest && resources.memoryRequest * mib,
      memoryLimit: resources.memoryLimit && resources.memoryLimit * mib,
    },
    jvmVersion,
  };
}

/** Days before the end at which pods of the next image version replaced the pods; the first entry is the creation. */
const generations: Readonly<Record<History, (days: number) => readonly number[]>> = {
  stable: (days) => [days],
  rolled: (days) => [days, days * 0.5, days * 0.1],
  batch: (days) => Array.from({ length: Math.max(1, Math.round(days)) }, (_, i) => days - i),
  young: () => [5 / 24],
  'just-created': () => [12 / (24 * 60)],
};

function planPods({ name, type, replicas, history }: WorkloadTemplate, seed: number, options: ClusterOptions): PlannedPod[] {
  const started = generations[history](options.days).map((days) => options.endSeconds - Math.min(days, options.days) * daySeconds);
  const end = options.endSeconds + (options.tailSeconds ?? 0) + 1;
  return started.flatMap((startSeconds, generation) =>
    Array.from({ length: options.podsPerContainer ?? replicas }, (_, replica) => ({
      name: podName(name, type, seed, generation, replica),
      startSeconds: startSeconds,
      endSeconds: started[generation + 1] ?? end,
      // All pods of a job have the same image.
      version: history === 'rolled' ? `1.${generation}` : '1.0',
    })),
  );
}

/** Pods of a statefulset keep their names across generations; the names of other pods have a random suffix. */
function podName(workload: string, type: WorkloadTemplate['type'], seed: number, generation: number, replica: number): string {
  if (type === 'statefulset') return `${workload}-${replica}`;
  const own = randomSuffix(seedOf(seed, `${generation}/${replica}`), 5);
  return type === 'deployment' ? `${workload}-${randomSuffix(seedOf(seed, `${generation}`), 9)}-${own}` : `${workload}-${own}`;
}
