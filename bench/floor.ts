import 'reflect-metadata';
import type { Datasource } from '../src/datasource/datasource.js';
import { DatasourceClient } from '../src/datasource/datasource-client.js';
import { DatasourceHttp } from '../src/datasource/datasource-http.js';
import type { ContainerExperiment } from '../src/experiments/experiment.js';
import { planOwnerQuestions } from '../src/owners/owner-sources.js';
import { MetricProfiles } from '../src/profiles/metric-profile.js';
import { readSettings } from '../src/settings/read-settings.js';
import { planChunkReads } from '../src/usage/from-chunks/plan-chunk-reads.js';
import type { GeneratedContainer } from '../test/cluster/generate-cluster.js';
import { prometheusCounters } from './prometheus-counters.js';

/** Cost of fetching, decoding and windowing everything in one thread, without storing, computing or sending anything. */
export interface FloorCost {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly prometheusCpuSeconds: number;
  readonly requests: number;
  readonly bytes: number;
  readonly series: number;
}

const stepSeconds = 900;

/** Measures one remote read of everything that a job over these containers reads. */
export async function measureFloor(
  url: string,
  containers: readonly GeneratedContainer[],
  endSeconds: number,
  days: number,
): Promise<FloorCost> {
  const settings = readSettings({});
  const http = new DatasourceHttp(settings);
  const datasource: Datasource = {
    name: 'floor',
    provider: 'prometheus',
    url,
    authentication: { type: 'none' },
    insecureSkipVerify: false,
    usageReader: 'chunks',
  };
  const experiments = containers.map(
    (container, index): ContainerExperiment => ({
      type: 'container',
      name: String(index),
      datasource: 'floor',
      clusterName: '',
      ...container,
    }),
  );
  const profile = new MetricProfiles(settings).find('resource-optimization-local-monitoring')!;
  const placed = experiments.map((experiment, index) => ({ experiment, index }));
  const plan = planChunkReads(placed, { profile, scope: 'workload', stepSeconds, evaluationMs: 60_000 });
  const questions = [
    ...planOwnerQuestions('rule', experiments, plan.reachesMs),
    ...plan.reads.flatMap((read) => read.questions.map(({ chunkQuestion }) => chunkQuestion)),
  ];
  const grid = {
    endMs: endSeconds * 1000,
    stepMs: stepSeconds * 1000,
    rows: (days * 86_400) / stepSeconds + 1,
    boundary: 'closed' as const,
  };

  const before = await prometheusCounters(url);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  let series = 0;
  await new DatasourceClient(http).readChunks(datasource, questions, grid, () => {
    series++;
  });
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const after = await prometheusCounters(url);
  http.close();
  return {
    seconds,
    cpuSeconds: (user + system) / 1e6,
    prometheusCpuSeconds: after.cpuSeconds - before.cpuSeconds,
    requests: after.requests - before.requests,
    bytes: after.responseBytes - before.responseBytes,
    series,
  };
}
