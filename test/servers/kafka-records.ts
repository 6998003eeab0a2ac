import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { waitUntil } from './wait-until.js';

/** A consumed record. */
export interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  /** Parsed JSON. */
  readonly value: unknown;
}

export interface RecordReader {
  /** All records read so far, in order of arrival. The list grows until `stop`. */
  readonly records: readonly KafkaRecord[];
  stop(): Promise<void>;
}

/** Reads the topics from the beginning with a new consumer group. Waits until the topics exist. */
export async function readRecords(bootstrapServers: string, topics: readonly string[]): Promise<RecordReader> {
  const kafka = new kafkajs.Kafka({ brokers: bootstrapServers.split(','), clientId: 'record-reader', logLevel: kafkajs.logLevel.NOTHING });
  await untilTopicsExist(kafka, topics);
  const consumer = kafka.consumer({ groupId: `record-reader-${randomUUID()}`, allowAutoTopicCreation: false, maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  const records: KafkaRecord[] = [];
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      records.push({
        topic,
        partition,
        offset: message.offset,
        key: message.key?.toString() ?? null,
        headers: Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)])),
        timestampMs: Number(message.timestamp),
        value: JSON.parse(message.value?.toString() ?? 'null'),
      });
    },
  });
  return { records, stop: () => consumer.disconnect() };
}

async function untilTopicsExist(kafka: kafkajs.Kafka, topics: readonly string[]): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await waitUntil(`the topics ${topics.join(', ')} exist`, async () => {
      const existing = new Set(await admin.listTopics());
      return topics.every((topic) => existing.has(topic));
    });
  } finally {
    await admin.disconnect();
  }
}
