import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { topics } from '../test/collect-records.js';
import { type Summary, startJob, waitForEnd } from '../test/jobs.js';
import type { Service } from '../test/servers/service.js';
import { withServers } from './bench-servers.js';
import { jobAfter, rounds } from './jobs.js';

/** Seconds from the POST of a job to its summary on the topic, one value per round. */
export interface TurnsCost {
  readonly largeContainers: number;
  readonly smallContainers: number;
  readonly alone: readonly number[];
  /** Posted while the large job is being sized. */
  readonly behind: readonly number[];
  /** The large job itself. */
  readonly large: readonly number[];
}

const size = { containers: 10_000, scrape: 900, days: 3 };
const smallContainers = 5;

/** Measures a small job alternately alone and behind a large one, on one Prometheus and one Kafka. */
export function benchTurns(print: (line: string) => void): Promise<TurnsCost> {
  return withServers({ ...size, kafka: true }, print, ({ containers, kafkaServers, withService }) =>
    withService({ reader: 'chunks', kafka: true }, async (service) => {
      const names = containers.slice(0, smallContainers).map(({ workload }) => workload);
      const summaries = await watchSummaries(kafkaServers!);
      const run = (quarterHours: number, more?: object) => secondsOf(service, summaries, jobAfter(quarterHours, more));
      // Each job has its own windows, so that none uses what another has read.
      const small = (quarterHours: number) => run(quarterHours, { filter: { include: { workload: names } } });
      await small(0);
      await run(0);
      const cost = {
        largeContainers: size.containers,
        smallContainers,
        alone: [] as number[],
        behind: [] as number[],
        large: [] as number[],
      };
      for (const round of rounds) {
        cost.alone.push(await small(round + 1.3));
        const large = run(round + 1.6);
        await untilMeasuring(service);
        cost.behind.push(await small(round + 1.9));
        cost.large.push(await large);
      }
      await summaries.stop();
      const seconds = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(', ');
      print(
        `${smallContainers} containers, seconds to the summary: alone ${seconds(cost.alone)}; behind ${size.containers} ${seconds(cost.behind)}`,
      );
      print(`${size.containers} containers, seconds to the summary: ${seconds(cost.large)}`);
      return cost;
    }),
  );
}

/** Arrival of summaries on their topic. */
interface Summaries {
  /** `performance.now()` (ms) by job id. */
  readonly arrivedMs: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

async function watchSummaries(kafkaServers: string): Promise<Summaries> {
  const arrivedMs = new Map<string, number>();
  const consumer = new Kafka({ brokers: [kafkaServers], logLevel: logLevel.NOTHING }).consumer({ groupId: 'bench-turns' });
  await consumer.connect();
  await consumer.subscribe({ topics: [topics.summary], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      arrivedMs.set(JSON.parse(String(message.value)).summary.job_id, performance.now());
    },
  });
  return { arrivedMs, stop: () => consumer.disconnect() };
}

async function secondsOf(service: Service, { arrivedMs }: Summaries, body: object): Promise<number> {
  const startMs = performance.now();
  const jobId = await startJob(service.url, body);
  while (!arrivedMs.has(jobId)) await sleep(20);
  const { status } = await waitForEnd(service.url, jobId);
  if (status !== 'COMPLETED') throw new Error(`job ${jobId} ended as ${status}`);
  return (arrivedMs.get(jobId)! - startMs) / 1000;
}

/** Waits until the latest job has its first recommendations. */
async function untilMeasuring({ url }: Service): Promise<void> {
  for (;;) {
    const { jobs } = (await (await fetch(`${url}/bulk/jobs?status=IN_PROGRESS&limit=1`)).json()) as { jobs: Summary[] };
    if (jobs[0] && jobs[0].processed_experiments > 0) return;
    await sleep(20);
  }
}
