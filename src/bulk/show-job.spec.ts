import { fieldsOfSections } from '../settings/setting-types.js';
import { showMetadata, showSummary } from './show-job.js';

const workload = (name: string, workloadType = 'deployment', namespace = 'shop') => ({ namespace, workload: name, workloadType });
const containers = (of: ReturnType<typeof workload>, ...names: string[]) =>
  names.map((container) => ({ ...of, container, image: `quay.io/demo/${container}:1.0`, pods: 2 }));

describe('showMetadata', () => {
  it("shows a cluster in Kruize's format", () => {
    const [web, idle] = [workload('web'), workload('idle')];
    const cluster = { namespaces: ['empty', 'shop'], workloads: [idle, web], containers: containers(web, 'app', 'proxy') };
    const shown = (name: string) => ({ container_name: name, container_image_name: `quay.io/demo/${name}:1.0` });
    // Compared as text: the keys have the recorded order.
    expect(JSON.stringify(showMetadata([{ datasource: 'prometheus-1', cluster }]))).toBe(
      JSON.stringify({
        datasources: {
          'prometheus-1': {
            clusters: {
              default: {
                namespaces: {
                  empty: { namespace: 'empty' },
                  shop: {
                    namespace: 'shop',
                    workloads: {
                      idle: { workload_name: 'idle', workload_type: 'deployment' },
                      web: {
                        containers: { app: shown('app'), proxy: shown('proxy') },
                        workload_name: 'web',
                        workload_type: 'deployment',
                      },
                    },
                  },
                },
                dataSourceClusterName: 'default',
                cluster_name: 'default',
              },
            },
            datasource_name: 'prometheus-1',
          },
        },
      }),
    );
  });

  it('separates workloads of different kinds with the same name', () => {
    const kinds = ['daemonset', 'deployment', 'job'].map((kind) => workload('api', kind));
    const cluster = { namespaces: ['shop'], workloads: kinds, containers: kinds.flatMap((kind) => containers(kind, kind.workloadType)) };
    const shown = JSON.parse(JSON.stringify(showMetadata([{ datasource: 'p', clusterName: 'east', cluster }])));
    const { workloads } = shown.datasources.p.clusters.east.namespaces.shop;
    expect(Object.keys(workloads)).toEqual(['api', 'api(deployment)', 'api(job)']);
    expect(workloads['api(job)']).toEqual({
      containers: { job: { container_name: 'job', container_image_name: 'quay.io/demo/job:1.0' } },
      workload_name: 'api',
      workload_type: 'job',
    });
  });

  it('shows several datasources', () => {
    const cluster = { namespaces: ['a'], workloads: [], containers: [] };
    const shown = showMetadata([
      { datasource: 'p', cluster },
      { datasource: 'q', cluster },
    ]);
    expect(Object.keys((shown as { datasources: object }).datasources)).toEqual(['p', 'q']);
  });
});

it('shows only summary fields that KAFKA_RESPONSE_FILTER_INCLUDE can select', () => {
  const job = {
    status: 'COMPLETED',
    totalExperiments: 1,
    notifications: {},
    request: {},
    id: 'j',
    startedAt: new Date(),
    endedAt: new Date(),
  };
  const shown = showSummary(job as never, { processed: 1, failed: 0, existing: 0, published: 0 });
  expect(Object.keys(shown).sort()).toEqual([...fieldsOfSections.summary].sort());
});
