import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterSize, withServers } from './bench-servers.js';
import { type FloorCost, measureFloor } from './floor.js';
import { endSeconds, jobAfter, jobOfRound, rounds, smallJob, warmUpJob } from './jobs.js';
import { prometheusCounters } from './prometheus-counters.js';
import { queryLikeKruize } from './reference-way.js';
import { measureRest, type RestLatency } from './rest-latency.js';
import { type JobCost, runJob } from './run-job.js';

/** Pause between jobs: windows are stored in the background, which would slow down the next job. */
const restMs = 4_000;

export interface BenchSize extends ClusterSize {
  readonly reference: number;
  readonly kafka: boolean;
}

/** Cost of Kruize's queries: measured for some containers, extrapolated to all. */
export interface ReferenceCost {
  readonly askedContainers: number;
  readonly askedSeconds: number;
  readonly requests: number;
  readonly seconds: number;
  readonly prometheusCpuSeconds: number;
}

/** Two jobs measured in direct succession, so that a slow phase of the machine affects both. */
export interface Round {
  /** The first job over these windows, after the process has run three jobs of this size over others. */
  readonly chunks: JobCost;
  /** The job a quarter hour later. */
  readonly repeated: JobCost;
}

/** Jobs that read a cluster from chunks, Kafka off. */
export interface ChunkJobs {
  /** The first job of a new process. */
  readonly cold: JobCost;
  readonly rounds: readonly Round[];
}

/** All results of one run, on the same data. */
export interface BenchLines extends ChunkJobs {
  readonly reference: ReferenceCost;
  readonly promql: JobCost;
  /** Each measured directly before the round with the same index. */
  readonly floors: readonly FloorCost[];
  readonly rest: RestLatency;
  readonly chunksWithKafka?: JobCost;
}

/** Runs all parts of the benchmark, one after another, on its own servers. */
export function measureAll(size: BenchSize, log: (text: string) => void): Promise<BenchLines> {
  return withServers(size, log, async (servers) => {
    const { prometheusUrl: url, containers } = servers;
    const sample = containers
      .filter((_, index) => index % Math.max(1, Math.floor(containers.length / size.reference)) === 0)
      .slice(0, size.reference);
    log(`Kruize's way: 37 queries for each of ${sample.length} containers, three containers at a time …`);
    const reference = await measureReference(url, sample, containers.length);
    log('batched PromQL …');
    const promql = await servers.withService({ reader: 'promql' }, async (service) => {
      await runJob(service, url, smallJob(containers[0]!.namespace), false);
      return runJob(service, url, jobAfter(0), false);
    });
    log('chunks, and the floor: fetch, decode and window in one thread, nothing else …');
    const floors: FloorCost[] = [];
    const floor = () => measureFloor(url, containers, endSeconds, size.days);
    await floor();
    const { rest, ...chunkJobs } = await servers.withService({ reader: 'chunks' }, async (service) => ({
      ...(await measureChunkJobs(url, service, async () => floors.push(await floor()))),
      rest: await measureRest(service),
    }));
    if (!size.kafka) return { reference, promql, floors, rest, ...chunkJobs };
    log('chunks, with Kafka …');
    const chunksWithKafka = await servers.withService({ reader: 'chunks', kafka: true }, async (service) => {
      await warmUp(url, service, true);
      return runJob(service, url, jobAfter(0), true);
    });
    return { reference, promql, floors, rest, ...chunkJobs, chunksWithKafka };
  });
}

/** Measures jobs from chunks; calls `before` before each round. */
export async function measureChunkJobs(
  url: string,
  service: Parameters<typeof runJob>[0],
  before: () => Promise<unknown> = async () => {},
): Promise<ChunkJobs> {
  const cold = await warmUp(url, service, false);
  const measured: Round[] = [];
  for (const round of rounds) {
    await sleep(restMs);
    await before();
    const chunks = await runJob(service, url, jobOfRound(round, 0), false);
    await sleep(restMs);
    measured.push({ chunks, repeated: await runJob(service, url, jobOfRound(round, 1), false) });
  }
  return { cold, rounds: measured };
}

/** Runs the first three jobs of a process, until V8 has optimised the code. Returns the cost of the first. */
async function warmUp(url: string, service: Parameters<typeof runJob>[0], isPublished: boolean): Promise<JobCost> {
  const cold = await runJob(service, url, warmUpJob(0), isPublished);
  await runJob(service, url, warmUpJob(0, { refresh: true }), isPublished);
  await runJob(service, url, warmUpJob(1), isPublished);
  return cold;
}

async function measureReference(url: string, sample: Parameters<typeof queryLikeKruize>[1], all: number): Promise<ReferenceCost> {
  const before = await prometheusCounters(url);
  const startMs = performance.now();
  const requests = await queryLikeKruize(url, sample, endSeconds);
  const askedSeconds = (performance.now() - startMs) / 1000;
  const cpu = (await prometheusCounters(url)).cpuSeconds - before.cpuSeconds;
  const share = all / sample.length;
  return { askedContainers: sample.length, askedSeconds, requests, seconds: askedSeconds * share, prometheusCpuSeconds: cpu * share };
}
