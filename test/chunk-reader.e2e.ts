import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { recordingRules } from '../src/datasource/capabilities.js';
import type { Datasource } from '../src/datasource/datasource.js';
import type { ContainerExperiment, Experiment } from '../src/experiments/experiment.js';
import type { UsageTable } from '../src/recommendation/usage-table.js';
import { readSettings } from '../src/settings/read-settings.js';
import { openSizer } from '../src/sizing/open-sizer.js';
import type { UsageRequest } from '../src/usage/usage-reader.js';

import { clusterBlocks } from './cluster/cluster-blocks.js';
import { roughShard } from './rough-shard/rough-shard.js';
import { miscountedRows, tableDifferences } from './rough-shard/table-differences.js';
import { usageReaders } from './rough-shard/usage-readers.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { makeTempFolder, removeTempFolder } from './servers/temp-folder.js';

/** T0 of the recorded data; the other data end there too. */
const endSeconds = 1_795_231_800;
const profile = 'resource-optimization-local-monitoring';
const bulkMetrics = new URL('./fixtures/bulk/metrics.om.gz', import.meta.url);
const recorded: object = JSON.parse(readFileSync(new URL('./fixtures/bulk/recommendations-at-T0.json', import.meta.url), 'utf8'));
const folder = makeTempFolder('chunk-reader');
const readers = { workload: usageReaders('workload'), container: usageReaders('container') };
const servers: PrometheusServer[] = [];

afterAll(async () => {
  for (const { close } of Object.values(readers)) close();
  await Promise.all(servers.map((server) => server.stop()));
  removeTempFolder(folder);
});

type ProbedRequest = Omit<UsageRequest, 'capabilities'>;

const datasourceAt = (url: string, over: Partial<Datasource> = {}): Datasource => ({
  name: `prometheus at ${url}`,
  provider: 'prometheus',
  url,
  authentication: { type: 'none' },
  insecureSkipVerify: false,
  ...over,
});

async function serve(options: Parameters<typeof startPrometheus>[0]): Promise<Datasource> {
  const server = await startPrometheus(options);
  servers.push(server);
  return datasourceAt(server.url);
}

const requestOf = (datasource: Datasource, experiments: readonly Experiment[], over: Partial<ProbedRequest> = {}): ProbedRequest => ({
  datasource,
  metricProfile: profile,
  experiments,
  endSeconds,
  stepSeconds: 900,
  rows: 97,
  dropsInactive: false,
  ...over,
});

/** Parses a name in the default format: `datasource|cluster|namespace|workload(type)|container`. */
function experimentOf(name: string): ContainerExperiment {
  const [datasource, clusterName, namespace, workload, workloadType, container] = name.split(/[|()]+/) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return { type: 'container', name, datasource, clusterName, namespace, workload, workloadType, container, image: 'i', pods: 2 };
}

async function readBoth(request: ProbedRequest, scope: keyof typeof readers = 'workload') {
  const { promql, chunks } = readers[scope];
  return { promql: await promql.read(request), chunks: await chunks.read(request) };
}

/** The differences of all tables, with the experiments' names. */
function differencesOf({ experiments }: ProbedRequest, one: readonly UsageTable[], other: readonly UsageTable[]): string[] {
  return experiments.flatMap(({ name }, i) => tableDifferences(one[i]!, other[i]!).map((difference) => `${name}: ${difference}`));
}

const filledCells = (tables: readonly UsageTable[]) =>
  tables
    .flatMap(({ columns }) => Object.values(columns))
    .reduce((sum, column) => sum + column.filter((value) => !Number.isNaN(value)).length, 0);

describe.each([1, 2, 3])('chunks and PromQL over rough data, seed %i', (seed) => {
  const shard = roughShard({ seed, endSeconds, days: 1, hasRules: true });
  let datasource: Datasource;

  beforeAll(async () => {
    const file = join(folder, `${seed}.om`);
    writeFileSync(file, shard.openMetrics);
    datasource = await serve({ openMetrics: [file] });
  });

  it.each([
    ['containers', 'workload', profile, 0, 900],
    ['containers', 'container', profile, 0, 900],
    ['containers', 'workload', profile, 17, 900],
    ['containers', 'workload', profile, 0, 120],
    ['containers', 'workload', `${profile}-norecordingrules`, 0, 900],
    ['containers', 'workload', `${profile}-norecordingrules`, 17, 300],
    ['namespaces', 'workload', profile, 0, 900],
    ['namespaces', 'workload', profile, 17, 120],
    ['namespaces', 'workload', `${profile}-norecordingrules`, 0, 900],
  ] as const)(
    'are equal for %s, scope %s, %s, %i s beside the grid, every %i s',
    async (what, scope, metricProfile, beside, stepSeconds) => {
      const request = requestOf(datasource, shard[what], {
        metricProfile,
        endSeconds: endSeconds + beside,
        stepSeconds,
        rows: 86_400 / stepSeconds + 1,
      });
      const { promql, chunks } = await readBoth(request, scope);
      expect(differencesOf(request, promql, chunks)).toEqual([]);
      expect(chunks.flatMap(miscountedRows)).toEqual([]);
      expect(filledCells(promql)).toBeGreaterThan(1_000);
    },
  );

  it('differ for different instants: the comparison works', async () => {
    const request = requestOf(datasource, shard.containers);
    const promql = await readers.workload.promql.read({ ...request, endSeconds: endSeconds - 60 });
    const chunks = await readers.workload.chunks.read(request);
    expect(differencesOf(request, promql, chunks).length).toBeGreaterThan(10);
  });
});

describe('chunks and PromQL over complete clusters', () => {
  it('are equal on the recorded data of 15 days', async () => {
    const datasource = await serve({ openMetrics: [bulkMetrics.pathname] });
    const containers = Object.keys(recorded).map(experimentOf);
    const namespaces = [...new Set(containers.map(({ namespace }) => namespace))].map(
      (namespace) =>
        ({ type: 'namespace', name: namespace, datasource: datasource.name, clusterName: 'default', pods: 3, namespace }) as const,
    );
    for (const experiments of [containers, namespaces]) {
      const request = requestOf(datasource, experiments, { rows: 1_441 });
      const { promql, chunks } = await readBoth(request);
      expect(differencesOf(request, promql, chunks)).toEqual([]);
      expect(chunks.flatMap(miscountedRows)).toEqual([]);
      expect(filledCells(promql)).toBeGreaterThan(15_000);
    }
  });

  it('are equal on a generated cluster with replaced pods', async () => {
    const { blocks, containers } = await clusterBlocks({ containers: 24, days: 4, scrapeSeconds: 60, endSeconds, seed: 5 });
    const datasource = await serve({ blocks });
    const common = { datasource: datasource.name, clusterName: 'default' };
    const experiments = containers.map(
      (container) => ({ type: 'container', name: JSON.stringify(container), ...common, ...container }) as const,
    );
    const request = requestOf(datasource, experiments, { rows: 4 * 96 + 1 });
    const { promql, chunks } = await readBoth(request);
    expect(differencesOf(request, promql, chunks)).toEqual([]);
    expect(chunks.flatMap(miscountedRows)).toEqual([]);
    expect(filledCells(promql)).toBeGreaterThan(50_000);
  });
});

describe('recording rules', () => {
  it.each([
    ['with a sample every ten minutes, the last one nine minutes ago', 540],
    ['last seen three days ago', 3 * 86_400 + 540],
  ])('are found %s', async (_, agoSeconds) => {
    const times = Array.from({ length: 40 }, (_, index) => endSeconds - agoSeconds - 600 * (39 - index));
    const lines = Object.values(recordingRules).flatMap((rule) => times.map((time) => `${rule}{namespace="shop"} 1 ${time}`));
    const file = join(folder, `rare-rules-${agoSeconds}.om`);
    writeFileSync(file, `${lines.join('\n')}\n# EOF\n`);
    const sizer = openSizer(readSettings({}));
    const { rules } = await sizer.capabilities.of(await serve({ openMetrics: [file] }), undefined, endSeconds);
    sizer.close();
    expect(rules).toEqual({ cpu: true, owners: true });
  });
});

describe('a cluster without recording rules', () => {
  it('has the same usage from kube-state-metrics and CPU counters as from recording rules', async () => {
    const shards = [true, false].map((hasRules) => roughShard({ seed: 1, endSeconds, days: 1, hasRules }));
    const [withRules, without] = await Promise.all(
      shards.map(async ({ openMetrics }, number) => {
        const file = join(folder, `rules-${number}.om`);
        writeFileSync(file, openMetrics);
        return serve({ openMetrics: [file] });
      }),
    );
    const { containers } = shards[0]!;
    const expected = await readers.workload.chunks.read(
      requestOf(withRules!, containers, { metricProfile: `${profile}-norecordingrules` }),
    );
    const request = requestOf(without!, containers);
    expect(differencesOf(request, expected, await readers.workload.chain.read(request))).toEqual([]);
    expect(filledCells(expected)).toBeGreaterThan(1_000);
    expect(expected.every(({ columns }) => columns['cpuUsage.avg'])).toBe(true);

    const again = await readers.workload.chain.read(requestOf(withRules!, containers));
    const byRule = await readers.workload.chunks.read(requestOf(withRules!, containers));
    expect(differencesOf(request, byRule, again)).toEqual([]);
  });
});
