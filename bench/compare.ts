import { join } from 'node:path';
import Table from 'cli-table3';
import { type ClusterSize, withServers } from './bench-servers.js';
import { jobAfter, warmUpJob } from './jobs.js';
import { type JobCost, runJob } from './run-job.js';

/** The three jobs of a fresh process. */
export interface ProcessCost {
  /** The first job of the process. */
  readonly cold: JobCost;
  /** The next job, over other windows. */
  readonly first: JobCost;
  /** The job a quarter hour later. */
  readonly repeated: JobCost;
}

/** One process of the other build and one of this build, run in direct succession. */
export interface Pair {
  readonly other: ProcessCost;
  readonly here: ProcessCost;
}

export interface CompareOptions extends ClusterSize {
  /** Folder of another checkout, with its build. */
  readonly other: string;
  readonly pairs: number;
}

/** Compares this build with another one: fresh processes alternately on the same servers, so that a slow phase of the machine affects both. */
export function compareBuilds(
  { other, pairs, ...size }: CompareOptions,
  print: (line: string) => void,
): Promise<{ pairs: readonly Pair[] }> {
  return withServers(size, print, async ({ prometheusUrl, withService }) => {
    const run = (mainFile?: string) =>
      withService({ reader: 'chunks', ...(mainFile !== undefined && { mainFile }) }, async (service): Promise<ProcessCost> => {
        const job = (body: object) => runJob(service, prometheusUrl, body, false);
        return { cold: await job(warmUpJob(0)), first: await job(jobAfter(0)), repeated: await job(jobAfter(1)) };
      });
    const measured: Pair[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      const costs: Partial<Record<keyof Pair, ProcessCost>> = {};
      const order: (keyof Pair)[] = pair % 2 === 0 ? ['other', 'here'] : ['here', 'other'];
      for (const build of order) costs[build] = await run(build === 'other' ? join(other, 'dist/main.js') : undefined);
      measured.push(costs as Pair);
      print(`pair ${pair + 1} of ${pairs}`);
    }
    print(comparisonTable(measured));
    return { pairs: measured };
  });
}

/** What is compared of a job. */
const measures: Readonly<Record<string, (cost: JobCost) => number>> = {
  seconds: ({ seconds }) => seconds,
  'CPU s service': ({ serviceCpuSeconds }) => serviceCpuSeconds,
  'CPU s Prometheus': ({ prometheusCpuSeconds }) => prometheusCpuSeconds,
  'CPU s service + Prometheus': ({ serviceCpuSeconds, prometheusCpuSeconds }) => serviceCpuSeconds + prometheusCpuSeconds,
  'CPU s PostgreSQL': ({ postgresCpuSeconds }) => postgresCpuSeconds,
  'peak RSS MB': ({ peakRssMb }) => peakRssMb,
  'event loop p99 ms': ({ eventLoopP99Ms }) => eventLoopP99Ms,
};

/** One line per job and measure: medians of both builds, and the median of the pairs' ratios. */
export function comparisonTable(pairs: readonly Pair[]): string {
  const table = new Table({
    head: ['job', 'measure', 'other', 'here', 'here / other'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'right', 'right', 'right'],
  });
  for (const job of ['cold', 'first', 'repeated'] as const) {
    for (const [name, of] of Object.entries(measures)) {
      const values = pairs.map(({ other, here }) => ({ other: of(other[job]), here: of(here[job]) }));
      const ratio = median(values.map(({ other, here }) => here / other));
      table.push([
        job,
        name,
        median(values.map(({ other }) => other)).toFixed(2),
        median(values.map(({ here }) => here)).toFixed(2),
        ratio.toFixed(3),
      ]);
    }
  }
  return table.toString();
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((one, other) => one - other)[numbers.length >> 1]!;
}
