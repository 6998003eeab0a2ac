import { startTinyKafka, type TinyKafka } from '../../test/servers/tiny-kafka.js';
import { readSettings } from '../settings/read-settings.js';
import { KafkaClient } from './kafka-client.js';
import type { Message } from './messages.js';

const messageTo = (topic: string, key: string): Message => ({ kind: 'summary', topic, key, value: `{"of":"${key}"}`, headers: {} });

let kafka: TinyKafka;
let client: KafkaClient;

async function connect(topics: readonly string[], environment: Record<string, string> = {}) {
  kafka = await startTinyKafka(topics);
  client = new KafkaClient(readSettings({ KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers, ...environment }));
}

afterEach(async () => {
  await client?.disconnect();
  kafka?.stop();
});

describe('KafkaClient', () => {
  it.each([
    ['gzip', true],
    ['none', false],
  ])('puts each record on its topic, compressed by %s', async (compression, isCompressed) => {
    await connect(['one', 'other'], { KAFKA_COMPRESSION: compression });
    await client.send([messageTo('one', 'a'), messageTo('other', 'b'), messageTo('one', 'c')]);
    expect(kafka.records.map(({ topic, key, value }) => `${topic} ${key} ${value}`).sort()).toEqual([
      'one a {"of":"a"}',
      'one c {"of":"c"}',
      'other b {"of":"b"}',
    ]);
    expect(kafka.records.map((record) => record.isCompressed)).toEqual(Array(3).fill(isCompressed));
  });

  it('creates the topics that are missing, and leaves the others', async () => {
    await connect(['one'], { KAFKA_TOPIC_PARTITIONS: '3' });
    await client.ensureTopics(['one', 'other']);
    expect(Object.fromEntries(kafka.topics)).toEqual({ one: 1, other: 3 });
  });

  it('is content with topics that exist where it must not create any', async () => {
    await connect(['one'], { KAFKA_CREATE_TOPICS: 'false' });
    await client.ensureTopics(['one']);
    expect(client.trouble).toBeUndefined();
  });

  it('waits for a missing topic where it must not create it, and sends once somebody has', async () => {
    await connect([], { KAFKA_CREATE_TOPICS: 'false' });
    client.keepWatch(['one']);
    const message = 'KAFKA_CREATE_TOPICS is false and these topics are missing: one.';
    await expect(client.send([messageTo('one', 'a')])).rejects.toMatchObject({ failure: 'topic-missing', message });
    expect([client.trouble?.message, kafka.topics.size]).toEqual([message, 0]);
    kafka.topics.set('one', 1);
    await client.send([messageTo('one', 'a')]);
    expect([client.trouble, kafka.records.length]).toEqual([undefined, 1]);
  });
});
