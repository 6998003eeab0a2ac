import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CollectedRecord, collectRecords, type RecordCollector, topics } from './collect-records.js';
import { differences } from './differences.js';
import { experimentsOf, getBulk, nextPageOf, type ShownExperiment, type Summary, startJob, waitForEnd } from './jobs.js';
import { type KafkaServer, startKafka } from './servers/kafka.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';

const fixture = (name: string) => new URL(`./fixtures/bulk/${name}`, import.meta.url);
const recorded: Record<string, { body: unknown[] }> = JSON.parse(readFileSync(fixture('recommendations-at-T0.json'), 'utf8'));
const names = Object.keys(recorded).sort();
/** T0 of the recorded data. */
const timeRange = { start: '2026-11-06T03:30:00.000Z', end: '2026-11-21T03:30:00Z' };

let prometheus: PrometheusServer;
let kafka: KafkaServer;
let postgres: PostgresServer;
let service: Service;
let collector: RecordCollector;

beforeAll(async () => {
  [prometheus, kafka, postgres] = await Promise.all([
    startPrometheus({ openMetrics: [fixture('metrics.om.gz').pathname] }),
    startKafka(),
    startPostgres(),
  ]);
  service = await startService({
    env: {
      PROMETHEUS_URL: prometheus.url,
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
      DATABASE_URL: await postgres.createDatabase(),
    },
  });
  collector = await collectRecords(kafka.bootstrapServers);
});

afterAll(async () => {
  await collector?.stop();
  await service?.stop();
  await Promise.all([prometheus?.stop(), kafka?.stop(), postgres?.stop()]);
});

describe('a job over the data of a recorded run of Kruize', () => {
  let jobId: string;
  let summary: Summary;
  let records: CollectedRecord[];

  beforeAll(async () => {
    jobId = await startJob(service.url, { time_range: timeRange });
    summary = await waitForEnd(service.url, jobId);
    await collector.waitForSummary(jobId);
    records = collector.ofJob(jobId);
  });

  it('is completed with every experiment', () => {
    expect(summary).toMatchObject({ status: 'COMPLETED', total_experiments: 7, processed_experiments: 7, failed_experiments: 0 });
  });

  it.each(names)('recommends what Kruize recommended: %s', async (name) => {
    const answer = await getBulk<{ experiments: Record<string, ShownExperiment> }>(service.url, jobId, {
      include: 'experiments|apis|recommendations|response',
      experiment_name: name,
    });
    const response = answer.body.experiments[name].apis.recommendations.response;
    // Pods are counted. Kruize rounds sum / avg up, so that it can show 3 for 2 pods (docs/compatibility.md).
    expect(differences(recorded[name].body, response, { relative: 1e-9, skip: /pods_count$/ })).toEqual([]);
  });

  it('counts pods instead of rounding up a quotient', async () => {
    const experiments = await experimentsOf(service.url, jobId);
    const podsOf = (name: string) => JSON.stringify(experiments[name].apis.recommendations.response).match(/"pods_count":\d+/g);
    for (const name of names.filter((each) => each.includes('web'))) {
      expect(new Set(podsOf(name))).toEqual(new Set(['"pods_count":2']));
    }
  });

  it('publishes one record per experiment, with its name as key, then one summary', () => {
    expect(
      records
        .filter(({ topic }) => topic === topics.recommendations)
        .map(({ key }) => key)
        .sort(),
    ).toEqual(names);
    expect(records.filter(({ topic }) => topic === topics.error)).toEqual([]);
    const summaries = records.filter(({ topic }) => topic === topics.summary);
    expect(summaries.map(({ key }) => key)).toEqual([jobId]);
    expect(summaries[0].timestamp).toBeGreaterThanOrEqual(Math.max(...records.map(({ timestamp }) => timestamp)));
    expect(JSON.parse(summaries[0].value).summary).toMatchObject({ status: 'COMPLETED', published_experiments: 7, failed_experiments: 0 });
  });

  it('publishes the recommendation that GET shows, as a CloudEvent', async () => {
    const experiments = await experimentsOf(service.url, jobId);
    for (const { key, value, headers } of records.filter(({ topic }) => topic === topics.recommendations)) {
      const content = JSON.parse(value);
      expect(content.summary).toEqual({ status: 'IN_PROGRESS', job_id: jobId });
      expect(Object.keys(content.experiments)).toEqual([key]);
      const experiment = content.experiments[key!];
      expect(Object.keys(experiment)).toEqual(['name', 'status', 'apis', 'status_history']);
      expect(experiment.apis).toEqual({ recommendations: experiments[key!].apis.recommendations });
      expect(experiment.status_history.map(({ status }: { status: string }) => status)).toEqual(['UNPROCESSED', 'PROCESSED']);
      expect(headers).toMatchObject({
        ce_specversion: '1.0',
        ce_type: 'io.rightsizer.recommendation.generated',
        ce_source: '/bulk',
        ce_subject: `${jobId}/${key}`,
        'content-type': 'application/json',
      });
      expect(headers.ce_id).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it('shows experiments as published, with their history', async () => {
    const experiments = await experimentsOf(service.url, jobId);
    expect(Object.keys(experiments)).toEqual(names);
    for (const experiment of Object.values(experiments)) {
      expect(experiment.status_history.map(({ status }) => status)).toEqual(['UNPROCESSED', 'PROCESSED', 'PUBLISHED']);
      expect(experiment.apis.create.response).toMatchObject({ httpcode: 201, status: 'SUCCESS' });
    }
  });

  it('shows the metadata that Kruize shows', async () => {
    const kruize = JSON.parse(readFileSync(fixture('get-metadata.json'), 'utf8')).metadata.datasources['prometheus-1'].clusters.default;
    const { metadata } = (await getBulk<{ metadata: typeof kruize }>(service.url, jobId, { include: 'metadata' })).body;
    const ours = metadata.datasources['prometheus-1'].clusters.default;
    expect(ours.namespaces.shop).toEqual(kruize.namespaces.shop);
    expect(Object.keys(ours).sort()).toEqual(Object.keys(kruize).sort());
  });

  it('pages experiments by name', async () => {
    const seen: string[] = [];
    let address: string | undefined = `${service.url}/bulk?job_id=${jobId}&include=experiments|status&limit=3`;
    while (address) {
      const answer: Response = await fetch(address);
      seen.push(...Object.keys(((await answer.json()) as { experiments: object }).experiments));
      address = nextPageOf(answer);
    }
    expect(seen).toEqual(names);
  });

  it.each([
    ['summary|job_id|status', { summary: ['status', 'job_id'] }],
    ['metadata', { metadata: ['datasources'] }],
    ['webhook', {}],
    ['job_id', {}],
    ['', {}],
  ])('for include=%s returns only that', async (include, shape) => {
    const { body } = await getBulk<Record<string, object>>(service.url, jobId, { include });
    expect(Object.fromEntries(Object.entries(body).map(([section, value]) => [section, Object.keys(value)]))).toEqual(shape);
  });

  it('omits the fields in exclude', async () => {
    const { body } = await getBulk<{ summary: Summary; experiments: Record<string, ShownExperiment> }>(service.url, jobId, {
      include: 'summary,experiments,metadata',
      exclude: 'metadata,summary|input,experiments|apis|create',
    });
    expect(Object.keys(body)).toEqual(['summary', 'experiments']);
    expect(body.summary.input).toBeUndefined();
    expect(Object.keys(body.experiments[names[0]].apis)).toEqual(['recommendations']);
  });
});

describe('several jobs in one process', () => {
  const expectPublished = async (jobId: string) => {
    const summary = await collector.waitForSummary(jobId);
    expect(JSON.parse(summary.value).summary).toMatchObject({ status: 'COMPLETED', total_experiments: 7, published_experiments: 7 });
    const keys = collector.ofJob(jobId).filter(({ topic }) => topic === topics.recommendations);
    expect(keys.map(({ key }) => key).sort()).toEqual(names);
  };

  it('all publish completely, one after the other', async () => {
    for (let turn = 0; turn < 2; turn++) {
      const jobId = await startJob(service.url, { time_range: timeRange });
      await expectPublished(jobId);
      expect(await waitForEnd(service.url, jobId)).toMatchObject({ existing_experiments: 7 });
    }
  });

  it('all publish completely, five at once', async () => {
    const jobIds = await Promise.all(Array.from({ length: 5 }, () => startJob(service.url, { time_range: timeRange })));
    expect(new Set(jobIds).size).toBe(5);
    for (const jobId of jobIds) await expectPublished(jobId);
  });
});

describe('namespace experiments', () => {
  it('are created in addition to containers if requested', async () => {
    const jobId = await startJob(service.url, { time_range: timeRange, experiment_types: ['container', 'namespace'] });
    expect(await waitForEnd(service.url, jobId)).toMatchObject({ status: 'COMPLETED', total_experiments: 8 });
    const experiment = (await experimentsOf(service.url, jobId))['prometheus-1|default|shop'];
    expect(experiment.apis.recommendations.response).toMatchObject([
      { experiment_type: 'namespace', kubernetes_objects: [{ namespaces: { namespace: 'shop', recommendations: { version: '1.0' } } }] },
    ]);
    expect(JSON.stringify(experiment.apis.recommendations.response)).toContain('"long_term"');
  });
});
