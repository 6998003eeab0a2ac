import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterSize, withServers } from './bench-servers.js';
import { type FloorCost, measureFloor } from './floor.js';
import { endSeconds, jobAfter, jobOfRound, rounds, smallJob, warmUpJob } from './jobs.js';
import { prometheusCounters } from './prometheus-counters.js';
import { askAsReference } from './reference-way.js';
import { measureRest, type RestLatency } from './rest-latency.js';
import { type JobCost, runJob } from './run-job.js';

/** Windows are stored behind a job's back, which the next one, a quarter of an hour later, does not notice. */
const restMs = 4_000;

export interface BenchSize extends ClusterSize {
  readonly reference: number;
  readonly kafka: boolean;
}

/** The reference's way: what was asked, and its time for all containers at that pace. */
export interface ReferenceCost {
  readonly askedContainers: number;
  readonly askedSeconds: number;
  readonly requests: number;
  readonly seconds: number;
  readonly prometheusCpuSeconds: number;
}

/** Measured one right after the other: a machine that is slower for some minutes is so for both. */
export interface Round {
  /** The first job over these windows, when the process has run three jobs of the size over others. */
  readonly chunks: JobCost;
  /** The next quarter hour. */
  readonly repeated: JobCost;
}

/** A cluster read from chunks, Kafka off. */
export interface ChunkJobs {
  /** The first job of a new process. */
  readonly cold: JobCost;
  readonly rounds: readonly Round[];
}

/** What was measured, all in one run on the same data. */
export interface BenchLines extends ChunkJobs {
  readonly reference: ReferenceCost;
  readonly promql: JobCost;
  /** Each right before the round of its place. */
  readonly floors: readonly FloorCost[];
  readonly rest: RestLatency;
  readonly chunksWithKafka?: JobCost;
}

/** Runs every line of the benchmark, one after the other, on servers of its own. */
export function measureAll(size: BenchSize, tell: (text: string) => void): Promise<BenchLines> {
  return withServers(size, tell, async (servers) => {
    const { prometheusUrl: url, containers } = servers;
    const asked = containers
      .filter((_, index) => index % Math.max(1, Math.floor(containers.length / size.reference)) === 0)
      .slice(0, size.reference);
    tell(`the reference's way: 37 questions about each of ${asked.length} containers, three at a time …`);
    const reference = await measureReference(url, asked, containers.length);
    tell('batched PromQL …');
    const promql = await servers.withService({ reader: 'promql' }, async (service) => {
      await runJob(service, url, smallJob(containers[0]!.namespace), false);
      return runJob(service, url, jobAfter(0), false);
    });
    tell('chunks, and the floor: fetched, decoded and windowed by one thread, nothing else …');
    const floors: FloorCost[] = [];
    const floor = () => measureFloor(url, containers, endSeconds, size.days);
    await floor();
    const { rest, ...chunkJobs } = await servers.withService({ reader: 'chunks' }, async (service) => ({
      ...(await measureChunkJobs(url, service, async () => floors.push(await floor()))),
      rest: await measureRest(service),
    }));
    if (!size.kafka) return { reference, promql, floors, rest, ...chunkJobs };
    tell('chunks, with Kafka …');
    const chunksWithKafka = await servers.withService({ reader: 'chunks', kafka: true }, async (service) => {
      await warmUp(url, service, true);
      return runJob(service, url, jobAfter(0), true);
    });
    return { reference, promql, floors, rest, ...chunkJobs, chunksWithKafka };
  });
}

/** Jobs from chunks, `before` each round. */
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

/** The first three jobs of a process, of which it gives the first: code that V8 compiles settles over some jobs of the size. */
async function warmUp(url: string, service: Parameters<typeof runJob>[0], isPublished: boolean): Promise<JobCost> {
  const cold = await runJob(service, url, warmUpJob(0), isPublished);
  await runJob(service, url, warmUpJob(0, { refresh: true }), isPublished);
  await runJob(service, url, warmUpJob(1), isPublished);
  return cold;
}

async function measureReference(url: string, asked: Parameters<typeof askAsReference>[1], all: number): Promise<ReferenceCost> {
  const before = await prometheusCounters(url);
  const startMs = performance.now();
  const requests = await askAsReference(url, asked, endSeconds);
  const askedSeconds = (performance.now() - startMs) / 1000;
  const cpu = (await prometheusCounters(url)).cpuSeconds - before.cpuSeconds;
  const share = all / asked.length;
  return { askedContainers: asked.length, askedSeconds, requests, seconds: askedSeconds * share, prometheusCpuSeconds: cpu * share };
}
