import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { collectRecords, type RecordCollector, topics } from './collect-records.js';
import { faultsOfRecords } from './job-records.js';
import { experimentsOf, getBulk, type Summary, startJob, waitForEnd } from './jobs.js';
import { type KafkaServer, startKafka } from './servers/kafka.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';
import { waitUntil } from './servers/wait-until.js';

const metrics = new URL('./fixtures/bulk/metrics.om.gz', import.meta.url).pathname;
const request = { time_range: { start: '2026-11-06T03:30:00.000Z', end: '2026-11-21T03:30:00Z' } };
const user = { username: 'sizer', password: 'right/one+' };
const scram = { mechanism: 'scram-sha-512' as const, ...user };
/** A user with all rights except those that a test denies. */
const limited = { username: 'limited', password: 'limited' };

let prometheus: PrometheusServer;
let postgres: PostgresServer;
let kafka: KafkaServer;
let service: Service | undefined;
let collector: RecordCollector | undefined;

beforeAll(async () => {
  const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="admin";';
  [prometheus, postgres, kafka] = await Promise.all([
    startPrometheus({ openMetrics: [metrics] }),
    startPostgres(),
    startKafka({
      protocol: 'SASL_PLAINTEXT',
      properties: {
        'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
        'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512',
        'listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config': login,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': `User:admin;User:ANONYMOUS;User:${user.username}`,
        'allow.everyone.if.no.acl.found': 'true',
      },
      formatArguments: [
        '--add-scram',
        'SCRAM-SHA-512=[name=admin,password=admin]',
        '--add-scram',
        `SCRAM-SHA-512=[name=${user.username},password=${user.password}]`,
        '--add-scram',
        `SCRAM-SHA-512=[name=${limited.username},password=${limited.password}]`,
      ],
    }),
  ]);
});

afterEach(async () => {
  await service?.stop();
  service = undefined;
});

afterAll(async () => {
  await collector?.stop();
  await Promise.all([prometheus?.stop(), kafka?.stop(), postgres?.stop()]);
});

async function start(env: Record<string, string> = {}): Promise<Service> {
  service = await startService({
    env: {
      PROMETHEUS_URL: prometheus.url,
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
      KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT',
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: user.username,
      KAFKA_SASL_PASSWORD: user.password,
      RECONCILE_INTERVAL_MS: '500',
      DATABASE_URL: env.DATABASE_URL ?? (await postgres.createDatabase()),
      ...env,
    },
  });
  return service;
}

async function collect(): Promise<RecordCollector> {
  collector ??= await collectRecords(kafka.bootstrapServers, { sasl: scram });
  return collector;
}

/** Runs a job over the recorded data; returns its records after the summary has arrived, and the names of its experiments. */
async function recordsOfJob(url: string, body: object = request) {
  const jobId = await startJob(url, body);
  const records = await collect();
  await waitForEnd(url, jobId);
  const summary = await records.waitForSummary(jobId);
  return { jobId, summary, records: records.ofJob(jobId), names: Object.keys(await experimentsOf(url, jobId)) };
}

const readiness = async (url: string) => (await fetch(`${url}/health/ready`)).json() as Promise<{ checks: { kafka: object } }>;

describe('SASL_PLAINTEXT with SCRAM-SHA-512', () => {
  it('receives the records of a job', async () => {
    const { url } = await start();
    const { records, names } = await recordsOfJob(url);
    expect(names).toHaveLength(7);
    expect(faultsOfRecords(records, names)).toEqual([]);
    expect(await readiness(url)).toMatchObject({ status: 'up', checks: { kafka: { status: 'up' } } });
  });

  it('delays records while the password is wrong, and readiness says why; with the right password they are sent', async () => {
    const DATABASE_URL = await postgres.createDatabase();
    const wrong = await start({ DATABASE_URL, KAFKA_SASL_PASSWORD: 'wrong' });
    const jobId = await startJob(wrong.url, request);
    expect(await waitForEnd(wrong.url, jobId)).toMatchObject({ status: 'COMPLETED', processed_experiments: 7, published_experiments: 0 });
    await waitUntil('readiness tells of the login', async () =>
      /SASL|login|credential|authenti/i.test(JSON.stringify(await readiness(wrong.url))),
    );
    expect(await readiness(wrong.url)).toMatchObject({ status: 'degraded', checks: { kafka: { status: 'down' } } });
    expect(JSON.stringify(wrong.logs)).not.toContain('"wrong"');
    await wrong.stop();

    const right = await start({ DATABASE_URL });
    const records = await collect();
    await records.waitForSummary(jobId);
    const names = Object.keys(await experimentsOf(right.url, jobId));
    expect(faultsOfRecords(records.ofJob(jobId), names)).toEqual([]);
    await waitUntil('all experiments are shown as published', async () => {
      const { body } = await getBulk<{ summary: Summary }>(right.url, jobId);
      return body.summary.published_experiments === 7;
    });
  });
});

describe('the content of records', () => {
  it('is a structured CloudEvent with KAFKA_CE_MODE=structured', async () => {
    const { url } = await start({ KAFKA_CE_MODE: 'structured', CE_SOURCE: '/test' });
    const { jobId, records, names } = await recordsOfJob(url);
    const recommendations = records.filter(({ topic }) => topic === topics.recommendations);
    expect(recommendations.map(({ key }) => key).sort()).toEqual(names);
    for (const { key, value, headers } of recommendations) {
      expect(headers).toEqual({ 'content-type': expect.stringMatching(/^application\/cloudevents\+json/) });
      const event = JSON.parse(value);
      expect(event).toMatchObject({
        specversion: '1.0',
        id: expect.stringMatching(/^[0-9a-f]{64}$/),
        source: '/test',
        type: 'io.rightsizer.recommendation.generated',
        subject: `${jobId}/${key}`,
        datacontenttype: 'application/json',
        data: { summary: { status: 'IN_PROGRESS', job_id: jobId } },
      });
      expect(Object.keys(event.data.experiments)).toEqual([key]);
    }
  });

  it('is plain JSON with KAFKA_CE_MODE=off', async () => {
    const { url } = await start({ KAFKA_CE_MODE: 'off' });
    const { records, names } = await recordsOfJob(url);
    expect(faultsOfRecords(records, names)).toEqual([]);
    for (const { headers } of records) expect(Object.keys(headers).filter((name) => name.startsWith('ce_'))).toEqual([]);
  });

  it('is selected by the filters; the summary record always has the summary', async () => {
    const { url } = await start({
      KAFKA_RESPONSE_FILTER_INCLUDE:
        'summary|job_id|status|total_experiments,experiments|status|apis|create|request|response|recommendations,metadata',
      KAFKA_RESPONSE_FILTER_EXCLUDE: 'experiments|apis|create|response',
    });
    const { jobId, summary, records, names } = await recordsOfJob(url);
    expect(faultsOfRecords(records, names)).toEqual([]);
    for (const { key, value } of records.filter(({ topic }) => topic === topics.recommendations)) {
      const content = JSON.parse(value);
      expect(Object.keys(content)).toEqual(['summary', 'experiments', 'metadata']);
      expect(content.summary).toEqual({ status: 'IN_PROGRESS', total_experiments: 7, job_id: jobId });
      expect(Object.keys(content.experiments[key!])).toEqual(['status', 'apis']);
      expect(Object.keys(content.experiments[key!].apis.create)).toEqual(['request']);
      expect(Object.keys(content.metadata.datasources)).toEqual(['prometheus-1']);
    }
    expect(JSON.parse(summary.value).summary).toMatchObject({ job_id: jobId, processed_experiments: 7, input: expect.any(Object) });
  });
});

describe('KAFKA_TOPICS without a topic', () => {
  /** All containers of the namespace get the same name, which is one failed experiment. */
  const clash = { experimentNameFormat: '%namespace%' };

  it('makes its experiments PUBLISH_FAILED with the reason', async () => {
    const { url } = await start({ ...clash, KAFKA_TOPICS: `${topics.recommendations},${topics.summary}` });
    const { jobId, summary, records } = await recordsOfJob(url);
    expect(records.map(({ topic }) => topic)).toEqual([topics.summary]);
    expect(JSON.parse(summary.value).summary).toMatchObject({ total_experiments: 1, failed_experiments: 1, published_experiments: 0 });
    const { shop } = await experimentsOf(url, jobId);
    expect(shop?.status).toBe('PUBLISH_FAILED');
    expect(shop?.status_history.map(({ status }) => status)).toEqual(['UNPROCESSED', 'FAILED', 'PUBLISH_FAILED']);
    expect(JSON.stringify(shop?.notifications)).toContain('KAFKA_TOPICS');
  });

  it('publishes them if the topic is in the list', async () => {
    const { url } = await start({ ...clash, KAFKA_TOPICS: Object.values(topics).join(', ') });
    const { jobId, records } = await recordsOfJob(url);
    expect(faultsOfRecords(records, ['shop'])).toEqual([]);
    expect(records.map(({ topic, key }) => `${topic} ${key}`).sort()).toEqual([`${topics.error} shop`, `${topics.summary} ${jobId}`]);
    expect((await experimentsOf(url, jobId)).shop?.status).toBe('PUBLISHED');
  });
});

describe('a topic that the user may not write to', () => {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  const onErrors = {
    resourceType: AclResourceTypes.TOPIC,
    resourceName: topics.error,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    host: '*',
  };
  const clash = { experimentNameFormat: '%namespace%' };
  let admin: kafkajs.Admin;

  beforeAll(async () => {
    const kafkaAsAdmin = new kafkajs.Kafka({ brokers: [kafka.bootstrapServers], sasl: { ...scram, username: 'admin', password: 'admin' } });
    admin = kafkaAsAdmin.admin();
    await admin.connect();
    await collect();
    const acl = [
      { ...onErrors, principal: 'User:*', operation: AclOperationTypes.ALL, permissionType: AclPermissionTypes.ALLOW },
      { ...onErrors, principal: `User:${limited.username}`, operation: AclOperationTypes.WRITE, permissionType: AclPermissionTypes.DENY },
    ];
    await admin.createAcls({ acl });
  });

  afterAll(() => admin?.disconnect());

  it('delays only its own records, and readiness quotes the broker; with the permission they are sent', async () => {
    const { url } = await start({ ...clash, KAFKA_SASL_USERNAME: limited.username, KAFKA_SASL_PASSWORD: limited.password });
    const records = await collect();
    const held = await startJob(url, request);
    await waitForEnd(url, held);
    await waitUntil('readiness names topic, operation and reason', async () => {
      const { reason = '' } = (await readiness(url)).checks.kafka as { reason?: string };
      return /Topic error-topic cannot be written\..*TOPIC_AUTHORIZATION_FAILED/.test(reason);
    });
    const other = await startJob(url, { ...request, filter: { include: { namespace: ['nothing'] } } });
    await waitForEnd(url, other);
    await records.waitForSummary(other);
    expect(records.ofJob(held)).toEqual([]);

    const denial = {
      ...onErrors,
      principal: `User:${limited.username}`,
      operation: AclOperationTypes.WRITE,
      permissionType: AclPermissionTypes.DENY,
    };
    await admin.deleteAcls({ filters: [denial] });
    await records.waitForSummary(held);
    expect(faultsOfRecords(records.ofJob(held), ['shop'])).toEqual([]);
    await waitUntil('readiness is content', async () => ((await readiness(url)).checks.kafka as { status: string }).status === 'up');
  });
});
