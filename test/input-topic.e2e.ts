import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs, { type Admin, type IHeaders, type Message, type Producer } from 'kafkajs';
import pg from 'pg';
import { getBulk, type Summary } from './jobs.js';
import { type KafkaServer, startKafka } from './servers/kafka.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type Service, startService } from './servers/service.js';
import { waitUntil } from './servers/wait-until.js';

let kafka: KafkaServer;
let postgres: PostgresServer;
let admin: Admin;
let producer: Producer;
let client: kafkajs.Kafka;
const services: Service[] = [];
let topicCount = 0;

beforeAll(async () => {
  [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
  client = new kafkajs.Kafka({ brokers: [kafka.bootstrapServers], logLevel: kafkajs.logLevel.NOTHING });
  admin = client.admin();
  producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
  await admin.connect();
  await producer.connect();
});

afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.stop()));
});

afterAll(async () => {
  await Promise.all([admin?.disconnect(), producer?.disconnect()]);
  await Promise.all([kafka?.stop(), postgres?.stop()]);
});

/** No datasource listens there: jobs stay in progress until they are cancelled. */
const nowhere = { PROMETHEUS_URL: 'http://127.0.0.1:9', DATASOURCE_RETRY_MS: '600000' };

async function makeTopic(partitions = 1): Promise<string> {
  const topic = `requests-${++topicCount}`;
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true });
  return topic;
}

async function start(env: Record<string, string>): Promise<Service> {
  const service = await startService({ env: { ...nowhere, KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers, ...env } });
  services.push(service);
  return service;
}

const send = (topic: string, messages: Message[]) => producer.send({ topic, messages });
const query = async <Row>(url: string, sql: string): Promise<Row[]> => {
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  try {
    return (await database.query(sql)).rows as Row[];
  } finally {
    await database.end();
  }
};
const summaryOf = async ({ url }: Service, id: string) => (await getBulk<{ summary: Summary }>(url, id)).body.summary;
const handled = (service: Service) => service.logs.filter(({ msg }) => msg === 'a record was handled');

interface DeadLetter {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
  readonly timestamp: string;
}

/** Reads a topic until it has this many records. */
async function readAll(topic: string, count: number): Promise<DeadLetter[]> {
  const consumer = client.consumer({ groupId: `reader-${topic}-${Math.random()}` });
  const records: DeadLetter[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const { key, value, headers = {}, timestamp } = message;
      records.push({ key, value, headers, timestamp });
    },
  });
  await waitUntil(`${topic} has ${count} records`, () => records.length >= count, { timeoutMs: 20_000 });
  await consumer.disconnect();
  return records;
}

describe('records of the input topic', () => {
  it('start one job each, and say which record it was', async () => {
    const topic = await makeTopic();
    const service = await start({ KAFKA_INPUT_TOPIC: topic });
    await send(topic, [
      { value: '{}' },
      {
        value: JSON.stringify({
          specversion: '1.0',
          id: '1',
          source: '/t',
          type: 'io.rightsizer.bulk.create',
          data: { requestId: 'twice' },
        }),
      },
      { value: JSON.stringify({ requestId: 'twice' }) },
    ]);
    await waitUntil('three records were handled', () => handled(service).length === 3);
    const [first, second, third] = handled(service);
    expect([first, second, third].map(({ kind, offset }) => [kind, offset])).toEqual([
      ['job', '0'],
      ['job', '1'],
      ['repeated', '2'],
    ]);
    expect(third!.jobId).toBe(second!.jobId);
    expect(await summaryOf(service, String(first!.jobId))).toMatchObject({
      status: 'IN_PROGRESS',
      started_by: { trigger: 'default', topic, partition: 0, offset: '0' },
    });
  });

  it('become dead letters byte for byte if they can never lead to a job; the next ones go on', async () => {
    const topic = await makeTopic();
    const service = await start({ KAFKA_INPUT_TOPIC: topic });
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x80]);
    await send(topic, [
      { key: bytes, value: bytes, headers: { odd: bytes, list: ['[1,2]', bytes] }, timestamp: '1790000000000' },
      { value: null, key: 'tombstone' },
      { value: JSON.stringify({ colour: 'red' }) },
      { value: JSON.stringify({ datasource: 'nobody' }) },
      { value: '{}' },
    ]);
    await waitUntil('five records were handled', () => handled(service).length === 5);
    expect(handled(service).map(({ kind }) => kind)).toEqual([...Array(4).fill('dead-letter'), 'job']);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toContain('rightsizer_input_records_total{trigger="default",outcome="dead-letter"} 4');
    expect(metrics).toContain(`rightsizer_input_lag{trigger="default",group="rightsizer",topic="${topic}",partition="0"} `);
    const [letter, ...others] = await readAll(`${topic}.dead-letter`, 4);
    expect(letter).toMatchObject({ key: bytes, value: bytes, timestamp: '1790000000000' });
    expect(letter!.headers).toMatchObject({ odd: bytes, list: [Buffer.from('[1,2]'), bytes] });
    const text = ({ headers }: DeadLetter, name: string) => String(headers[`__connect.errors.${name}`]);
    expect(['topic', 'partition', 'offset', 'exception.message'].map((name) => text(letter!, name))).toEqual([
      topic,
      '0',
      '0',
      'The value is not UTF-8',
    ]);
    expect(others.map((each) => text(each, 'exception.message'))).toEqual([
      expect.stringContaining('tombstone'),
      expect.stringContaining('(field: colour)'),
      expect.stringContaining('(field: datasource)'),
    ]);
  });

  it('cancel jobs', async () => {
    const topic = await makeTopic();
    const service = await start({ KAFKA_INPUT_TOPIC: topic });
    const event = { specversion: '1.0', id: '1', source: '/t', type: 'io.rightsizer.bulk.cancel' };
    await send(topic, [
      { value: JSON.stringify({ requestId: 'wrong' }) },
      { value: JSON.stringify({ ...event, data: { requestId: 'wrong' } }) },
    ]);
    await send(topic, [{ value: JSON.stringify({ ...event, data: { job_id: 'unknown' } }) }]);
    await waitUntil('three records were handled', () => handled(service).length === 3);
    expect(handled(service).map(({ kind }) => kind)).toEqual(['job', 'cancelled', 'dead-letter']);
    expect(await summaryOf(service, String(handled(service)[0]!.jobId))).toMatchObject({
      status: 'FAILED',
      notifications: { '499': { message: 'cancelled' } },
    });
  });

  it('with the same key run one after the other; a cancelled head releases the next', async () => {
    const topic = await makeTopic(3);
    const service = await start({ KAFKA_INPUT_TOPIC: topic });
    await send(
      topic,
      [1, 2, 3].map((number) => ({ key: 'one', value: JSON.stringify({ requestId: `same-${number}` }) })),
    );
    await waitUntil('three records were handled', () => handled(service).length === 3);
    const [first, second] = handled(service).map(({ jobId }) => String(jobId));
    const notifications = async (id: string) => (await summaryOf(service, id)).notifications;
    expect(await notifications(second!)).toMatchObject({ '102': { message: expect.stringContaining(first!) } });
    expect(await (await fetch(`${service.url}/bulk/queues`)).json()).toMatchObject({
      queues: [{ trigger: 'default', topic, key: 'one', job_id: first, waiting_jobs: 2 }],
    });
    expect((await fetch(`${service.url}/bulk?job_id=${first}`, { method: 'DELETE' })).status).toBe(200);
    await waitUntil('the second job has its turn', async () => !('102' in (await notifications(second!))));
  });
});

describe('a consumer', () => {
  it('goes on where it was, whatever Kafka has stored', async () => {
    const topic = await makeTopic();
    const databaseUrl = await postgres.createDatabase();
    const env = {
      KAFKA_INPUT_TOPIC: topic,
      DATABASE_URL: databaseUrl,
      KAFKA_INITIAL_OFFSET: 'latest',
      KAFKA_INPUT_GROUP_ID: `group-${topic}`,
    };
    await send(topic, [{ value: '{}' }]);
    const service = await start(env);
    await service.waitForLog(({ msg }) => msg === 'partitions assigned');
    await waitUntil('the first position is stored', async () => (await query(databaseUrl, 'SELECT FROM trigger_position')).length === 1);
    await service.stop();
    await send(topic, [{ value: '{}' }, { value: '{}' }]);
    await admin.deleteGroups([env.KAFKA_INPUT_GROUP_ID]).catch(() => undefined);
    const again = await start(env);
    await waitUntil('both new records were handled', () => handled(again).length === 2);
    expect(handled(again).map(({ offset }) => offset)).toEqual(['1', '2']);
    expect(await query(databaseUrl, 'SELECT next_offset FROM trigger_position')).toEqual([{ next_offset: '3' }]);
  });

  it('reads a topic that is created after the start', async () => {
    const topic = `late-${++topicCount}`;
    const service = await start({ KAFKA_INPUT_TOPIC: topic });
    await service.waitForLog(({ msg, reason }) => msg.includes('cannot be read') && String(reason).includes(topic));
    const readiness = async () => (await fetch(`${service.url}/health/ready`)).json() as Promise<object>;
    expect(await readiness()).toMatchObject({
      status: 'degraded',
      checks: { input: { status: 'down', reason: expect.stringContaining(topic) } },
    });
    await admin.createTopics({ topics: [{ topic }], waitForLeaders: true });
    await send(topic, [{ value: '{}' }]);
    await waitUntil('the input topic is read', async () => 'up' === ((await readiness()) as { status: string }).status, {
      timeoutMs: 40_000,
    });
    await waitUntil('the record was handled', () => handled(service).length === 1, { timeoutMs: 40_000 });
  });

  it('waits while PostgreSQL is away, and loses nothing', async () => {
    const own = await startPostgres();
    try {
      const topic = await makeTopic();
      const service = await start({ KAFKA_INPUT_TOPIC: topic, DATABASE_URL: await own.createDatabase() });
      await send(topic, [{ value: '{}' }]);
      await waitUntil('the first record was handled', () => handled(service).length === 1);
      await own.kill();
      await send(topic, [{ value: '{}' }, { value: '{}' }]);
      await service.waitForLog(({ msg }) => msg.includes('its partition is paused'));
      await own.start();
      await waitUntil('all records were handled', () => handled(service).length === 3, { timeoutMs: 60_000 });
      expect(handled(service).map(({ offset, kind }) => [offset, kind])).toEqual([
        ['0', 'job'],
        ['1', 'job'],
        ['2', 'job'],
      ]);
    } finally {
      await Promise.all(services.splice(0).map((service) => service.stop()));
      await own.stop();
    }
  });
});
