import { readFileSync } from 'node:fs';
import { KafkaClient } from '../src/publication/kafka-client.js';
import type { Message } from '../src/publication/messages.js';
import { Publisher } from '../src/publication/publisher.js';
import { recommend } from '../src/recommendation/recommend.js';
import { readSettings } from '../src/settings/read-settings.js';
import { readUsageFile } from '../src/usage-file/read-usage-file.js';
import { startKafka } from '../test/servers/kafka.js';

/** Cost of publishing records of 10 KB, with acks of all replicas, compression and shards as in a job. */
export interface KafkaCost {
  readonly records: number;
  readonly recordBytes: number;
  readonly seconds: number;
  readonly recordsPerSecond: number;
  readonly cpuSeconds: number;
}

const recordBytes = 10_000;
const shardRecords = 100;
const shardsAtOnce = 2;
const shards = 300;
const topic = 'recommendations-topic';
const fullContainer = new URL('../test/fixtures/recommendations/in/s2_full.json', import.meta.url);

/** Publishes to its own Apache Kafka with the publisher of a job. */
export async function benchKafka(print: (line: string) => void): Promise<KafkaCost> {
  const kafka = await startKafka();
  const settings = readSettings({ KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers });
  const client = new KafkaClient(settings);
  const publisher = new Publisher(client, settings);
  try {
    await client.ensureTopics([topic]);
    await publishShards(publisher, 30);
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    await publishShards(publisher, shards);
    const seconds = (performance.now() - startMs) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const records = shards * shardRecords;
    print(`kafka: ${records} records of ${recordBytes} bytes, acks=all, ${settings.KAFKA_COMPRESSION}`);
    print(`  ${(records / seconds).toFixed(0)} records/s, ${((user + system) / 1e6).toFixed(1)} s CPU in ${seconds.toFixed(1)} s`);
    return { records, recordBytes, seconds, recordsPerSecond: records / seconds, cpuSeconds: (user + system) / 1e6 };
  } finally {
    await client.disconnect();
    await kafka.stop();
  }
}

async function publishShards(publisher: Publisher, count: number): Promise<void> {
  const value = recordOf(recordBytes);
  let next = 0;
  const publishNext = async () => {
    while (next < count) {
      const shard = next++;
      const messages = Array.from({ length: shardRecords }, (_, index): Message => messageOf(`container-${shard}-${index}`, value));
      const results = await publisher.publish(messages);
      const failed = results.find(({ status }) => status === 'failed');
      if (failed) throw new Error(`a record was not published: ${JSON.stringify(failed)}`);
    }
  };
  await Promise.all(Array.from({ length: shardsAtOnce }, publishNext));
}

function messageOf(name: string, value: string): Message {
  return { kind: 'recommendation', topic, key: name, value: value.replace('"name":""', `"name":"${name}"`), headers: { ce_id: name } };
}

/** A real recommendation, cut to the requested length. */
function recordOf(bytes: number): string {
  const { usage, settings } = readUsageFile(JSON.parse(readFileSync(fullContainer, 'utf8')));
  const text = JSON.stringify(recommend(usage, settings));
  return JSON.stringify({ name: '', text: text.replaceAll('"', "'").slice(0, bytes - 32) }).slice(0, bytes);
}
