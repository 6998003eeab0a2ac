import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { recommend } from '../src/recommendation/recommend.js';
import { describeExperiment } from '../src/recommendation/recommendations.js';
import { readUsageFile } from '../src/usage-file/read-usage-file.js';
import { clusterBlocks } from './cluster/cluster-blocks.js';
import type { GeneratedContainer } from './cluster/generate-cluster.js';
import { type CollectedRecord, collectRecords, type RecordCollector, topics } from './collect-records.js';
import { differences } from './differences.js';
import { faultsOfRecords } from './job-records.js';
import { experimentsOf, type ShownExperiment, type Summary, startJob, waitForEnd } from './jobs.js';
import { readReferenceUsage } from './reference-usage.js';
import { type KafkaServer, startKafka } from './servers/kafka.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';

const count = 200;
/** Long enough for all three terms; the long term reads 15 days and finds nine. */
const days = 9;
const stepSeconds = 900;
/** Number of containers that are also sized from usage that this test reads itself. */
const sampled = 25;
const endSeconds = Date.parse('2026-11-21T03:30:00Z') / 1000;
const iso = (seconds: number) => new Date(seconds * 1000).toISOString();

let containers: readonly GeneratedContainer[];
let prometheus: PrometheusServer;
let kafka: KafkaServer;
let postgres: PostgresServer;
let service: Service;
let collector: RecordCollector;
let summary: Summary;
let experiments: Record<string, ShownExperiment>;
let records: CollectedRecord[];

beforeAll(async () => {
  const cluster = clusterBlocks({ containers: count, days, scrapeSeconds: 450, endSeconds, seed: 7 });
  [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
  containers = (await cluster).containers;
  prometheus = await startPrometheus({ blocks: (await cluster).blocks });
  service = await startService({
    env: {
      PROMETHEUS_URL: prometheus.url,
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
      DATABASE_URL: await postgres.createDatabase(),
      SHARD_SIZE: '40',
    },
  });
  collector = await collectRecords(kafka.bootstrapServers);
  const jobId = await startJob(service.url, { time_range: { start: iso(endSeconds - days * 86_400), end: iso(endSeconds) } });
  summary = await waitForEnd(service.url, jobId, 200_000);
  await collector.waitForSummary(jobId);
  experiments = await experimentsOf(service.url, jobId);
  records = collector.ofJob(jobId);
});

afterAll(async () => {
  await collector?.stop();
  await service?.stop();
  await Promise.all([prometheus?.stop(), kafka?.stop(), postgres?.stop()]);
});

const nameOf = ({ namespace, workload, workloadType, container }: GeneratedContainer) =>
  `prometheus-1|default|${namespace}|${workload}(${workloadType})|${container}`;

/** Kruize selects only by namespace and container, so only containers with a unique name in their namespace can be compared. Alternates between kinds. */
function sampleOf(all: readonly GeneratedContainer[]): GeneratedContainer[] {
  const isAlone = ({ namespace, container }: GeneratedContainer) =>
    all.filter((other) => other.namespace === namespace && other.container === container).length === 1;
  const byKind = new Map<string, GeneratedContainer[]>();
  for (const container of all.filter(isAlone)) {
    byKind.set(container.workloadType, [...(byKind.get(container.workloadType) ?? []), container]);
  }
  const sample: GeneratedContainer[] = [];
  for (let turn = 0; sample.length < sampled; turn++) {
    for (const ofKind of byKind.values()) if (turn < ofKind.length && sample.length < sampled) sample.push(ofKind[turn]!);
  }
  return sample;
}

/** The engine's recommendation for the container's usage as Kruize reads it. */
async function recommendFromReference(container: GeneratedContainer): Promise<unknown> {
  const series = await readReferenceUsage(prometheus.url, container, { endSeconds, days: 15, stepSeconds });
  const { usage, settings } = readUsageFile({ namespace: container.namespace, container: container.container, now: endSeconds, series });
  const subject = { type: 'container', name: nameOf(container), clusterName: 'default', ...container } as const;
  return JSON.parse(JSON.stringify([describeExperiment(subject, recommend(usage, settings))]));
}

describe(`a generated cluster of ${count} containers over ${days} days`, () => {
  it('has one experiment per container, and no others', () => {
    expect(summary).toMatchObject({ status: 'COMPLETED', total_experiments: count, processed_experiments: count, failed_experiments: 0 });
    expect(Object.keys(experiments).sort()).toEqual(containers.map(nameOf).sort());
  });

  it('publishes one record per experiment, on exactly one of two topics, and then one summary', () => {
    expect(faultsOfRecords(records, containers.map(nameOf))).toEqual([]);
    expect(records).toHaveLength(count + 1);
    for (const { key, value } of records.filter(({ topic }) => topic === topics.recommendations)) {
      expect(JSON.parse(value).experiments[key!].apis).toEqual({ recommendations: experiments[key!]!.apis.recommendations });
    }
  });

  it('would detect a missing, duplicated or late record', () => {
    const names = containers.map(nameOf);
    const [first] = records.filter(({ topic }) => topic === topics.recommendations);
    expect(
      faultsOfRecords(
        records.filter((record) => record !== first),
        names,
      ),
    ).toHaveLength(1);
    expect(faultsOfRecords([...records, { ...first!, topic: topics.error }], names)).toHaveLength(1);
    expect(
      faultsOfRecords(
        records.map((record) => (record === first ? { ...record, timestamp: Date.now() } : record)),
        names,
      ),
    ).toHaveLength(1);
    expect(
      faultsOfRecords(
        records.filter(({ topic }) => topic !== topics.summary),
        names,
      ),
    ).toHaveLength(1);
  });

  it(`recommends the same as the engine on usage that is read per container, for ${sampled} containers of all kinds`, async () => {
    const sample = sampleOf(containers);
    expect(new Set(sample.map(({ workloadType }) => workloadType))).toEqual(new Set(containers.map(({ workloadType }) => workloadType)));
    const terms = new Set<string>();
    for (const container of sample) {
      const expected = await recommendFromReference(container);
      const actual = experiments[nameOf(container)]?.apis.recommendations.response;
      expect({ name: nameOf(container), differences: differences(expected, actual, { relative: 1e-9 }) }).toEqual({
        name: nameOf(container),
        differences: [],
      });
      for (const [, term] of JSON.stringify(actual).matchAll(/"(\w+_term)":\{"duration_in_hours":[\d.]+,"notifications":\{"112101"/g))
        terms.add(term!);
    }
    expect([...terms].sort()).toEqual(['long_term', 'medium_term', 'short_term']);
  });

  it('would detect the numbers of another container', async () => {
    const [one, other] = sampleOf(containers);
    const actual = experiments[nameOf(other!)]?.apis.recommendations.response;
    expect(differences(await recommendFromReference(one!), actual, { relative: 1e-9, skip: /name$/ })).not.toEqual([]);
  });
});
