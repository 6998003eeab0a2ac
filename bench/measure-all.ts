import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterBlocks } from '../test/cluster/cluster-blocks.js';
import { startKafka } from '../test/servers/kafka.js';
import { startPostgres } from '../test/servers/postgres.js';
import { startPrometheus } from '../test/servers/prometheus.js';
import { type Service, startService } from '../test/servers/service.js';
import { makeTempFolder, removeTempFolder } from '../test/servers/temp-folder.js';
import { type FloorCost, measureFloor } from './floor.js';
import { prometheusCounters } from './prometheus-counters.js';
import { askAsReference } from './reference-way.js';
import { type JobCost, runJob } from './run-job.js';

export interface BenchSize {
  readonly containers: number;
  readonly scrape: number;
  readonly days: number;
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

/** What was measured, all in one run on the same data. */
export interface BenchLines {
  readonly reference: ReferenceCost;
  readonly promql: JobCost;
  readonly floor: FloorCost;
  /** First job, Kafka off. */
  readonly chunks: JobCost;
  /** The next quarter hour, Kafka off. */
  readonly repeated: JobCost;
  readonly chunksWithKafka?: JobCost;
}

const daySeconds = 86_400;
/** Any time on the 15-minute grid: generated data do not depend on the clock, so that they can be kept. */
const endSeconds = 1_795_176_000;

/** Runs every line of the benchmark, one after the other, on servers of its own. */
export async function measureAll(size: BenchSize, tell: (text: string) => void): Promise<BenchLines> {
  tell(`generating ${size.containers} containers, ${size.days} days, a sample every ${size.scrape} s (kept for later runs) …`);
  const tailSeconds = 3_600;
  const { blocks, containers, samples } = await clusterBlocks({
    containers: size.containers,
    days: size.days,
    scrapeSeconds: size.scrape,
    endSeconds,
    seed: 1,
    podsPerContainer: 1,
    tailSeconds,
  });
  tell(`${samples.toLocaleString('en')} samples; starting Prometheus, PostgreSQL${size.kafka ? ', Kafka' : ''} …`);
  const [prometheus, postgres, kafka] = await Promise.all([
    startPrometheus({ blocks }),
    startPostgres(),
    size.kafka ? startKafka() : undefined,
  ]);
  const folder = makeTempFolder('bench');
  const withService = async <T>(
    reader: 'chunks' | 'promql',
    env: Record<string, string>,
    work: (service: Service) => Promise<T>,
  ): Promise<T> => {
    const datasources = join(folder, `${reader}.yaml`);
    writeFileSync(datasources, `- name: prometheus-1\n  provider: prometheus\n  url: ${prometheus.url}\n  usage_reader: ${reader}\n`);
    const service = await startService({
      env: { DATASOURCES_FILE: datasources, DATABASE_URL: await postgres.createDatabase(), ...env },
    });
    try {
      // Threads, connections and the JIT are warm in a service that runs; one small job sees to that.
      await runJob(service, prometheus.url, smallJob(containers[0].namespace), false);
      return await work(service);
    } finally {
      await service.stop();
    }
  };
  try {
    const asked = containers
      .filter((_, index) => index % Math.max(1, Math.floor(containers.length / size.reference)) === 0)
      .slice(0, size.reference);
    tell(`the reference's way: 37 questions about each of ${asked.length} containers, three at a time …`);
    const reference = await measureReference(prometheus.url, asked, containers.length);
    tell('batched PromQL …');
    const promql = await withService('promql', {}, (service) => runJob(service, prometheus.url, jobAt(endSeconds), false));
    tell('chunks, first job and the next quarter hour …');
    const [chunks, repeated] = await withService('chunks', {}, async (service) => {
      const first = await runJob(service, prometheus.url, jobAt(endSeconds), false);
      return [first, await runJob(service, prometheus.url, jobAt(endSeconds + 900), false)];
    });
    const kafkaEnv = kafka && { KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers };
    if (kafkaEnv) tell('chunks, with Kafka …');
    const chunksWithKafka =
      kafkaEnv && (await withService('chunks', kafkaEnv, (service) => runJob(service, prometheus.url, jobAt(endSeconds), true)));
    tell('the floor: fetched, decoded and windowed by one thread, nothing else …');
    const floor = await measureFloor(prometheus.url, containers, endSeconds, size.days);
    return { reference, promql, floor, chunks, repeated, chunksWithKafka };
  } finally {
    removeTempFolder(folder);
    await Promise.all([prometheus.stop(), postgres.stop(), kafka?.stop()]);
  }
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

function jobAt(end: number): object {
  const time = (seconds: number) => new Date(seconds * 1000).toISOString();
  return { time_range: { start: time(end - 15 * daySeconds), end: time(end) } };
}

function smallJob(namespace: string): object {
  return { ...jobAt(endSeconds - daySeconds), filter: { include: { namespace: [namespace] } }, term_settings: { terms: ['short'] } };
}
