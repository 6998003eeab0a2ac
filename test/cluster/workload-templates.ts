import type { UsageKind } from './usage-shape.js';

/** Requests and limits of a container, in cores and MiB; absent = not set. */
export interface Resources {
  readonly cpuRequest?: number;
  readonly cpuLimit?: number;
  readonly memoryRequest?: number;
  readonly memoryLimit?: number;
}

export interface ContainerTemplate {
  readonly name: string;
  readonly usage: UsageKind;
  readonly resources: Resources;
  readonly jvmVersion?: string;
}

/**
 * History of a workload: `stable` = the same pods throughout; `rolled` = rolled out twice with a newer image; `batch` = one pod after another;
 * `young` = created 5 hours before the end; `just-created` = created 12 minutes before the end.
 */
export type History = 'stable' | 'rolled' | 'batch' | 'young' | 'just-created';

export interface WorkloadTemplate {
  readonly namespace: string;
  readonly name: string;
  readonly type: 'deployment' | 'statefulset' | 'daemonset' | 'job';
  readonly replicas: number;
  readonly history: History;
  readonly containers: readonly ContainerTemplate[];
}

const proxy: ContainerTemplate = {
  name: 'proxy',
  usage: 'small',
  resources: { cpuRequest: 0.1, cpuLimit: 0.5, memoryRequest: 64, memoryLimit: 256 },
};
const one = (name: string, usage: UsageKind, resources: Resources, jvmVersion?: string): readonly ContainerTemplate[] => [
  { name, usage, resources, jvmVersion },
];
const of = (cpuRequest: number, cpuLimit: number, memoryRequest: number, memoryLimit: number): Resources => ({
  cpuRequest,
  cpuLimit,
  memoryRequest,
  memoryLimit,
});

/** A small cluster. Larger clusters repeat it in other namespaces. The first entries cover most shapes, for clusters of a few containers. */
export const workloadTemplates: readonly WorkloadTemplate[] = [
  {
    namespace: 'shop',
    name: 'storefront',
    type: 'deployment',
    replicas: 3,
    history: 'rolled',
    containers: [{ name: 'app', usage: 'bursty', resources: of(1, 3, 1024, 2048) }, proxy],
  },
  {
    namespace: 'shop',
    name: 'checkout',
    type: 'deployment',
    replicas: 2,
    history: 'rolled',
    containers: [{ name: 'app', usage: 'daily', resources: of(1, 2, 1024, 2048) }, proxy],
  },
  {
    namespace: 'shop',
    name: 'feature-flags',
    type: 'deployment',
    replicas: 1,
    history: 'stable',
    containers: one('feature-flags', 'idle', of(0.25, 0.5, 256, 512)),
  },
  {
    namespace: 'shop',
    name: 'orders-db',
    type: 'statefulset',
    replicas: 2,
    history: 'stable',
    containers: one('postgres', 'database', of(2, 4, 4096, 8192)),
  },
  {
    namespace: 'payments',
    name: 'billing',
    type: 'deployment',
    replicas: 2,
    history: 'stable',
    containers: [{ name: 'billing', usage: 'java', resources: of(2, 4, 2048, 4096), jvmVersion: '17.0.9+9' }, proxy],
  },
  {
    namespace: 'media',
    name: 'thumbnails',
    type: 'deployment',
    replicas: 2,
    history: 'stable',
    containers: one('thumbnails', 'leaky', of(0.25, 1, 512, 1024)),
  },
  {
    namespace: 'search',
    name: 'query',
    type: 'deployment',
    replicas: 2,
    history: 'stable',
    containers: one('query', 'throttled', of(0.5, 1, 512, 1024)),
  },
  {
    namespace: 'media',
    name: 'webhooks',
    type: 'deployment',
    replicas: 1,
    history: 'stable',
    containers: one('webhooks', 'spiky', { memoryLimit: 1024 }),
  },
  {
    namespace: 'platform',
    name: 'legacy-sync',
    type: 'deployment',
    replicas: 1,
    history: 'stable',
    containers: one('legacy-sync', 'steady', {}),
  },
  {
    namespace: 'platform',
    name: 'log-collector',
    type: 'daemonset',
    replicas: 3,
    history: 'stable',
    containers: one('collector', 'small', of(0.1, 0.2, 128, 256)),
  },
  {
    namespace: 'data',
    name: 'backfill',
    type: 'job',
    replicas: 1,
    history: 'batch',
    containers: one('backfill', 'nightly', of(1, 2, 2048, 4096)),
  },
  {
    namespace: 'shop',
    name: 'gift-cards',
    type: 'deployment',
    replicas: 1,
    history: 'young',
    containers: one('gift-cards', 'daily', of(0.5, 1, 512, 1024)),
  },
  {
    namespace: 'shop',
    name: 'canary',
    type: 'deployment',
    replicas: 1,
    history: 'just-created',
    containers: one('canary', 'steady', of(0.5, 1, 512, 1024)),
  },
  {
    namespace: 'payments',
    name: 'ledger',
    type: 'statefulset',
    replicas: 3,
    history: 'stable',
    containers: one('ledger', 'database', of(0.5, 1, 4096, 4096)),
  },
  {
    namespace: 'payments',
    name: 'fraud-scores',
    type: 'deployment',
    replicas: 1,
    history: 'rolled',
    containers: one('scorer', 'bursty', of(4, 8, 4096, 8192)),
  },
  {
    namespace: 'search',
    name: 'indexer',
    type: 'statefulset',
    replicas: 1,
    history: 'stable',
    containers: one('indexer', 'java', of(0.5, 1, 1024, 2048), '21.0.2+13'),
  },
  {
    namespace: 'search',
    name: 'suggestions',
    type: 'deployment',
    replicas: 2,
    history: 'stable',
    containers: [{ name: 'app', usage: 'daily', resources: of(0.25, 1, 256, 1024) }, proxy],
  },
  {
    namespace: 'data',
    name: 'reports',
    type: 'job',
    replicas: 1,
    history: 'batch',
    containers: one('reports', 'nightly', { cpuRequest: 0.5, memoryRequest: 1024 }),
  },
  {
    namespace: 'platform',
    name: 'node-agent',
    type: 'daemonset',
    replicas: 3,
    history: 'stable',
    containers: one('agent', 'idle', of(0.1, 0.1, 64, 64)),
  },
];
