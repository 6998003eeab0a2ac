import type { ContainerExperiment, NamespaceExperiment } from '../../src/experiments/experiment.js';
import { randomAt, seedOf } from '../cluster/random.js';
import { type Life, type Roughness, roughLines, type Signal } from './rough-series.js';

/** Series for one shard, with the irregularities that expose differences between the two usage readers. */
export interface RoughShard {
  readonly openMetrics: string;
  readonly containers: readonly ContainerExperiment[];
  readonly namespaces: readonly NamespaceExperiment[];
}

export interface RoughShardOptions {
  readonly seed: number;
  readonly endSeconds: number;
  readonly days: number;
  /** Whether the cluster has recording rules for CPU usage and for the owners of pods. Without them, owners come from kube-state-metrics. */
  readonly hasRules: boolean;
}

interface Pod extends Life {
  readonly namespace: string;
  readonly name: string;
  readonly workload: string;
  readonly type: 'deployment' | 'statefulset' | 'job';
  /** The owner of the same pod name from the time `at`. */
  readonly nextOwner?: { readonly workload: string; readonly type: string; readonly at: number };
  readonly rough: Roughness;
}

const containers = ['app', 'proxy.1'];
const scrapeIntervals = [15, 30, 60, 120, 300];

const families: readonly {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly signal: Signal;
  readonly labels?: string;
}[] = [
  { name: 'node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate', type: 'gauge', signal: 'gauge' },
  { name: 'container_cpu_usage_seconds_total', type: 'counter', signal: 'counter' },
  { name: 'container_cpu_cfs_throttled_seconds_total', type: 'counter', signal: 'counter' },
  { name: 'container_memory_working_set_bytes', type: 'gauge', signal: 'gauge' },
  { name: 'container_memory_rss', type: 'gauge', signal: 'gauge' },
  { name: 'kube_pod_container_resource_requests', type: 'gauge', signal: 'constant', labels: 'resource="cpu",unit="core"' },
  { name: 'kube_pod_container_resource_requests', type: 'gauge', signal: 'constant', labels: 'resource="memory",unit="byte"' },
  { name: 'kube_pod_container_resource_limits', type: 'gauge', signal: 'constant', labels: 'resource="memory",unit="byte"' },
];

/** Two namespaces with three workloads each. Pods start, end, overlap and change owners; each has its own scrape interval. */
export function roughShard(options: RoughShardOptions): RoughShard {
  const pods = ['shop', 'shop.eu'].flatMap((namespace) => podsOf(namespace, options));
  const names = [...new Set(families.map(({ name }) => name))].filter((name) => options.hasRules || !name.includes(':'));
  const lines = names.map((name) => familyLines(name, pods, options.seed)).join('');
  const owners = options.hasRules ? ruleLines(pods) : kubeStateLines(pods);
  const openMetrics = `${lines}${owners}${jvmLines(pods)}${namespaceLines(pods, options)}# EOF\n`;
  const common = { datasource: 'prometheus-1', clusterName: 'default', pods: 3 };
  const workloads = new Map(
    pods.map(({ namespace, workload, type }) => [`${namespace}/${workload}`, { namespace, workload, workloadType: type }]),
  );
  return {
    openMetrics,
    containers: [...workloads].flatMap(([name, workload]) =>
      containers.map(
        (container) => ({ type: 'container', name: `${name}/${container}`, ...common, ...workload, container, image: 'i' }) as const,
      ),
    ),
    namespaces: ['shop', 'shop.eu'].map((namespace) => ({ type: 'namespace', name: namespace, ...common, namespace })),
  };
}

function podsOf(namespace: string, { seed, endSeconds, days }: RoughShardOptions): Pod[] {
  const start = endSeconds - days * 86_400;
  const at = (share: number) => start + share * days * 86_400;
  const roughOf = (number: number): Roughness => {
    const random = (salt: number) => randomAt(seedOf(seed, `${namespace}/${number}`), salt);
    const scrapeSeconds = scrapeIntervals[Math.floor(random(1) * scrapeIntervals.length)]!;
    const isOnGrid = random(2) < 0.4;
    return {
      scrapeSeconds,
      offsetSeconds: isOnGrid ? 0 : Math.floor(random(3) * scrapeSeconds),
      jitterMs: isOnGrid ? 0 : 900,
      gaps: 3,
      resets: 4,
    };
  };
  const pod = (number: number, name: string, workload: string, type: Pod['type'], fromSeconds: number, toSeconds: number): Pod => ({
    namespace,
    name,
    workload,
    type,
    fromSeconds,
    toSeconds,
    rough: roughOf(number),
  });
  const end = endSeconds + 3_600;
  return [
    pod(0, 'web-6b5-aaa', 'web', 'deployment', at(0) - 7_200, at(0.4)),
    pod(1, 'web-6b5-bbb', 'web', 'deployment', at(0) - 7_200, at(0.55) + 37),
    pod(2, 'web-7c8-ccc', 'web', 'deployment', at(0.39), end),
    pod(3, 'web-7c8-ddd', 'web', 'deployment', at(0.7) + 11, end),
    pod(4, 'db-0', 'db', 'statefulset', at(0) - 7_200, end),
    { ...pod(5, 'db-1', 'db', 'statefulset', at(0.1), end), nextOwner: { workload: 'web', type: 'deployment', at: at(0.8) } },
    pod(6, 'nightly-1', 'nightly', 'job', at(0.2), at(0.2) + 500),
    pod(7, 'nightly-2', 'nightly', 'job', at(0.9), at(0.9) + 4_000),
  ];
}

function familyLines(name: string, pods: readonly Pod[], seed: number): string {
  const rows = families.filter((family) => family.name === name);
  const lines = [`# TYPE ${name.replace(/_total$/, '')} ${rows[0]!.type}\n`];
  for (const { signal, labels } of rows) {
    for (const pod of pods) {
      for (const container of containers) {
        const text = `${name}{namespace="${pod.namespace}",pod="${pod.name}",container="${container}"${labels ? `,${labels}` : ''}}`;
        lines.push(...roughLines(text, signal, seedOf(seed, text), pod, pod.rough));
      }
    }
  }
  return lines.join('');
}

/** Pods that change owners have both owners for ten minutes. */
function ownersOf(pod: Pod): readonly (Life & { readonly workload: string; readonly type: string })[] {
  if (!pod.nextOwner) return [pod];
  const { workload, type, at } = pod.nextOwner;
  return [
    { ...pod, toSeconds: at + 300 },
    { workload, type, fromSeconds: at - 300, toSeconds: pod.toSeconds },
  ];
}

function ruleLines(pods: readonly Pod[]): string {
  const name = 'namespace_workload_pod:kube_pod_owner:relabel';
  const lines = pods.flatMap((pod) =>
    ownersOf(pod).flatMap(({ workload, type, ...life }) => {
      const text = `${name}{namespace="${pod.namespace}",pod="${pod.name}",workload="${workload}",workload_type="${type}"}`;
      return [...roughLines(text, 'constant', 1, life, { ...pod.rough, scrapeSeconds: 30, gaps: 0, resets: 0 })];
    }),
  );
  return `# TYPE ${name} gauge\n${lines.join('')}`;
}

const kinds: Readonly<Record<string, string>> = { deployment: 'ReplicaSet', statefulset: 'StatefulSet', job: 'Job' };

function kubeStateLines(pods: readonly Pod[]): string {
  const rough = (pod: Pod): Roughness => ({ ...pod.rough, scrapeSeconds: 30, gaps: 0, resets: 0 });
  const replicaSetOf = (pod: Pod, workload: string) => (pod.name.startsWith('web-') ? pod.name.slice(0, -4) : `${workload}-new`);
  const podOwners = pods.flatMap((pod) =>
    ownersOf(pod).flatMap(({ workload, type, ...life }) => {
      const name = type === 'deployment' ? replicaSetOf(pod, workload) : workload;
      const labels = `namespace="${pod.namespace}",pod="${pod.name}",owner_kind="${kinds[type]}",owner_name="${name}",owner_is_controller="true"`;
      return [...roughLines(`kube_pod_owner{${labels}}`, 'constant', 1, life, rough(pod))];
    }),
  );
  const replicaSets = new Map(
    pods.flatMap((pod) =>
      ownersOf(pod)
        .filter(({ type }) => type === 'deployment')
        .map(({ workload }) => [
          `${pod.namespace}/${replicaSetOf(pod, workload)}`,
          { pod, workload, replicaSet: replicaSetOf(pod, workload) },
        ]),
    ),
  );
  const replicaSetOwners = [...replicaSets.values()].flatMap(({ pod, workload, replicaSet }) => {
    const labels = `namespace="${pod.namespace}",replicaset="${replicaSet}",owner_kind="Deployment",owner_name="${workload}",owner_is_controller="true"`;
    return [...roughLines(`kube_replicaset_owner{${labels}}`, 'constant', 1, pod, rough(pod))];
  });
  return `# TYPE kube_pod_owner gauge\n${podOwners.join('')}# TYPE kube_replicaset_owner gauge\n${replicaSetOwners.join('')}`;
}

/** The JVM version changes while old and new pods run, so there are several series; readers use the first. */
function jvmLines(pods: readonly Pod[]): string {
  const lines = pods
    .filter(({ workload }) => workload !== 'nightly')
    .flatMap((pod) => {
      const version = pod.name.includes('7c8') ? '17.0.9' : '21.0.2';
      const labels = `namespace="${pod.namespace}",pod="${pod.name}",container="app",runtime="OpenJDK",vendor="Adoptium",version="${version}"`;
      return [...roughLines(`jvm_info{${labels}}`, 'constant', 1, pod, pod.rough)];
    });
  return `# TYPE jvm_info gauge\n${lines.join('')}`;
}

function namespaceLines(pods: readonly Pod[], { endSeconds, days }: RoughShardOptions): string {
  const life = { fromSeconds: endSeconds - days * 86_400, toSeconds: endSeconds + 1 };
  const rough = { scrapeSeconds: 60, offsetSeconds: 7, jitterMs: 500, gaps: 1, resets: 0 };
  const quotas = [...new Set(pods.map(({ namespace }) => namespace))].flatMap((namespace) =>
    ['requests.cpu', 'limits.memory'].flatMap((resource) => [
      ...roughLines(`kube_resourcequota{namespace="${namespace}",resource="${resource}",type="hard"}`, 'constant', 3, life, rough),
    ]),
  );
  const infos = pods.flatMap((pod) => [
    ...roughLines(`kube_pod_info{namespace="${pod.namespace}",pod="${pod.name}"}`, 'constant', 8, pod, { ...pod.rough, resets: 0 }),
  ]);
  return `# TYPE kube_resourcequota gauge\n${quotas.join('')}# TYPE kube_pod gauge\n# TYPE kube_pod_info gauge\n${infos.join('')}`;
}
