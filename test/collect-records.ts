import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { waitUntil } from './servers/wait-until.js';

export const topics = { recommendations: 'recommendations-topic', error: 'error-topic', summary: 'summary-topic' } as const;

/** A consumed record. */
export interface CollectedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: string | null;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Time when the broker appended it or the producer created it, in ms since the epoch. */
  readonly timestamp: number;
}

export interface RecordCollector {
  readonly records: readonly CollectedRecord[];
  /** Returns the records of one job, by the job id in their value or headers. */
  ofJob(jobId: string): CollectedRecord[];
  /** Waits for a job's summary, then until all records that the topics have at that time are read. A record that is still missing is lost. */
  waitForSummary(jobId: string, timeoutMs?: number): Promise<CollectedRecord>;
  stop(): Promise<void>;
}

/** Consumes the three topics from the beginning; waits until a service has created them. */
export async function collectRecords(bootstrapServers: string, login: Pick<KafkaConfig, 'sasl'> = {}): Promise<RecordCollector> {
  const kafka = new Kafka({ brokers: [bootstrapServers], clientId: 'test', logLevel: logLevel.NOTHING, ...login });
  await waitForTopics(kafka);
  const consumer = kafka.consumer({ groupId: `test-${process.pid}-${Date.now()}`, retry: { retries: 50 } });
  const records: CollectedRecord[] = [];
  const readUpTo = new Map<string, number>();
  await consumer.connect();
  await consumer.subscribe({ topics: Object.values(topics), fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      records.push({
        topic,
        partition,
        key: message.key?.toString() ?? null,
        value: message.value?.toString() ?? '',
        headers: Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)])),
        timestamp: Number(message.timestamp),
      });
      readUpTo.set(`${topic} ${partition}`, Number(message.offset) + 1);
    },
  });
  const ofJob = (jobId: string) => records.filter(({ value }) => value.includes(jobId));
  return {
    records,
    ofJob,
    waitForSummary: async (jobId, timeoutMs = 120_000) => {
      const find = () => ofJob(jobId).find(({ topic }) => topic === topics.summary);
      await waitUntil(`the summary of job ${jobId} arrives`, () => find() !== undefined, { timeoutMs });
      const ends = await endsOfTopics(kafka);
      const isRead = () => [...ends].every(([place, end]) => (readUpTo.get(place) ?? 0) >= end);
      await waitUntil('everything is read that came before the summary', isRead, { timeoutMs });
      return find()!;
    },
    stop: () => consumer.disconnect(),
  };
}

async function waitForTopics(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await waitUntil('the topics exist', async () => {
    const existing = await admin.listTopics();
    return Object.values(topics).every((topic) => existing.includes(topic));
  });
  await admin.disconnect();
}

/** The offset after the last record, per `topic partition` with records. */
async function endsOfTopics(kafka: Kafka): Promise<Map<string, number>> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = new Map<string, number>();
  for (const topic of Object.values(topics)) {
    for (const { partition, high } of await admin.fetchTopicOffsets(topic)) ends.set(`${topic} ${partition}`, Number(high));
  }
  await admin.disconnect();
  return ends;
}
