import { promisify } from 'node:util';
import { gunzip, gzip, type ZlibOptions } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import kafkajs, { type Admin, type LogEntry, type Producer } from 'kafkajs';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { type ConnectionSettings, kafkaConnection } from './kafka-connection.js';
import type { Message } from './messages.js';
import { PublicationError, publicationErrorOf, type TopicOperation } from './publication-error.js';

export type KafkaSettings = ConnectionSettings &
  Pick<Settings, 'KAFKA_COMPRESSION' | 'KAFKA_CREATE_TOPICS' | 'KAFKA_TOPIC_PARTITIONS' | 'KAFKA_TOPIC_REPLICATION'>;

/** A producer and an admin that are connected. */
interface Session {
  readonly producer: Producer;
  readonly admin: Admin;
}

/** Longest time of one attempt, connecting included; the caller decides about the next. */
const attemptMs = 15_000;
const patience = {
  connectionTimeout: 3_000,
  authenticationTimeout: 5_000,
  requestTimeout: 10_000,
  retry: { retries: 4, initialRetryTime: 200, maxRetryTime: 1_000 },
};
const acksOfAllReplicas = -1;
const watchMs = 10_000;

kafkajs.CompressionCodecs[kafkajs.CompressionTypes.GZIP] = () => gzipCodec;

const log = logOf('publication');

/**
 * Sends records to Kafka. Connects when first needed, and anew after an outage.
 *
 * The producer is not idempotent: kafkajs gives a batch the sequence numbers of one that failed, and a broker which had stored the failed one
 * would drop its successor as a duplicate, acknowledged. Records have stable ids instead, so that a repeat is recognisable.
 */
@Injectable()
export class KafkaClient {
  private session: Promise<Session> | undefined;
  private readonly watch = new KafkaWatch();
  private lookout: NodeJS.Timeout | undefined;
  private isClosed = false;
  private readonly attempts = new Set<Promise<unknown>>();
  private topics: readonly string[] = [];

  constructor(@InjectSettings() private readonly settings: KafkaSettings) {}

  /** Why Kafka can't be used; undefined while the last attempt succeeded. */
  get trouble(): PublicationError | undefined {
    return this.watch.trouble;
  }

  /** Why topics can't be used while others can. */
  get topicTroubles(): PublicationError[] {
    return this.watch.topicTroubles;
  }

  /** Connects, sees to it that these topics exist, and looks again every 10 s whether Kafka is there; `trouble` says what was found. */
  keepWatch(topics: readonly string[]): void {
    this.topics = topics;
    const look = () => void this.ensureTopics(topics).catch(() => {});
    look();
    this.lookout = setInterval(look, watchMs).unref();
  }

  /** Sees to it that the topics exist: creates the missing ones when it may; `topicTroubles` has those that it could not. Rejects with a PublicationError. */
  async ensureTopics(topics: readonly string[]): Promise<void> {
    await this.attempt(({ admin }) => this.createMissing(admin, topics));
  }

  /**
   * Sends records of one topic in one request; resolves when all replicas in sync have all of them. Rejects with a PublicationError within 15 s,
   * at once where the topic was refused a moment ago.
   */
  async send(topic: string, messages: readonly Message[]): Promise<void> {
    const refusal = this.watch.refusalOf(topic);
    if (refusal) throw refusal;
    const { GZIP, None } = kafkajs.CompressionTypes;
    const action = ({ producer }: Session) =>
      producer.send({
        acks: acksOfAllReplicas,
        timeout: patience.requestTimeout,
        compression: this.settings.KAFKA_COMPRESSION === 'gzip' ? GZIP : None,
        topic,
        messages: messages.map(({ key, value, headers }) => ({ key, value: Buffer.from(value), headers })),
      });
    await this.attempt(action, { topic, operation: 'write' });
    this.watch.noteTopic(topic, 'write');
  }

  /** Waits for what is under way, then closes; nothing can be sent any more. */
  async disconnect(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.lookout);
    await Promise.allSettled(this.attempts);
    const session = this.session;
    this.session = undefined;
    await session?.then(close).catch(() => {});
  }

  private async attempt<Result>(action: (session: Session) => Promise<Result>, about?: TopicOperation): Promise<Result> {
    if (this.isClosed) throw new PublicationError('closed');
    this.session ??= this.connect();
    const session = this.session;
    const attempt = within(attemptMs, session.then(action));
    this.attempts.add(attempt);
    try {
      const result = await attempt;
      this.watch.noteSuccess();
      return result;
    } catch (cause) {
      const error = publicationErrorOf(cause, about);
      if (error.isAboutTopic) this.retire(session, error);
      else if (error.isAboutRecords) this.watch.noteSuccess();
      else this.giveUp(session, error);
      throw error;
    } finally {
      this.attempts.delete(attempt);
    }
  }

  private async connect(): Promise<Session> {
    const kafka = new kafkajs.Kafka({
      ...(await kafkaConnection(this.settings)),
      ...patience,
      logLevel: kafkajs.logLevel.INFO,
      logCreator: () => writeLog,
    });
    const session: Session = {
      admin: kafka.admin(),
      producer: kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, allowAutoTopicCreation: false }),
    };
    try {
      await session.admin.connect();
      await this.createMissing(session.admin, this.topics);
      await session.producer.connect();
      return session;
    } catch (cause) {
      await close(session);
      throw cause;
    }
  }

  private async createMissing(admin: Admin, topics: readonly string[]): Promise<void> {
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter((topic) => !existing.has(topic));
    for (const topic of topics) if (existing.has(topic)) this.watch.noteTopic(topic, 'create');
    const results = await Promise.all(missing.map((topic) => this.create(admin, topic)));
    const created = missing.filter((_, index) => results[index]);
    if (created.length > 0) log.info({ topics: created }, 'topics created');
  }

  /** Creates a topic if it may; says whether it is there. What is wrong with the topic alone is noted, and holds up no other. */
  private async create(admin: Admin, topic: string): Promise<boolean> {
    const about = { topic, operation: 'create' } as const;
    const { KAFKA_CREATE_TOPICS, KAFKA_TOPIC_PARTITIONS: numPartitions, KAFKA_TOPIC_REPLICATION: replicationFactor } = this.settings;
    try {
      if (!KAFKA_CREATE_TOPICS) {
        throw new PublicationError('topic-missing', `Topic ${topic} does not exist, and KAFKA_CREATE_TOPICS is false.`, { about });
      }
      await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor }] });
      this.watch.noteTopic(topic, 'create');
      return true;
    } catch (cause) {
      const error = publicationErrorOf(cause, about);
      if (!error.isAboutTopic) throw error;
      this.watch.noteRefusal(error);
      return false;
    }
  }

  /** kafkajs asks for metadata of all topics that it has sent to, so a missing one would fail the others too. The connection closes after what is under way. */
  private retire(session: Promise<Session>, error: PublicationError): void {
    if (this.session === session) this.session = undefined;
    void Promise.allSettled(this.attempts)
      .then(() => session.then(close))
      .catch(() => {});
    this.watch.noteRefusal(error);
  }

  /** The next attempt begins with a new connection. */
  private giveUp(session: Promise<Session>, error: PublicationError): void {
    if (this.session === session) this.session = undefined;
    void session.then(close).catch(() => {});
    this.watch.noteFailure(error);
  }
}

async function close({ producer, admin }: Session): Promise<void> {
  await Promise.allSettled([producer.disconnect(), admin.disconnect()]);
}

/** The client library's own words: only for those who look for them, ours stand in `giveUp` and `noteSuccess`. */
function writeLog({ namespace, log: { message, timestamp: _timestamp, ...fields } }: LogEntry): void {
  log.debug({ client: namespace, ...fields }, message);
}

/** Rejects with a time-out when the promise takes longer; what it does then is of no interest. */
async function within<Result>(ms: number, promise: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new PublicationError('timeout')), ms);
  });
  return Promise.race([promise, deadline]).finally(() => clearTimeout(timer));
}

/** A topic that was refused is not asked again for so long: each asking may cost the rendering of a shard. */
const topicPauseMs = 10_000;

/** Keeps whether Kafka takes records, as a whole and topic by topic, and logs it once when that changes. */
export class KafkaWatch {
  private failedBy: PublicationError | undefined = new PublicationError('unreachable', 'Kafka is not connected yet.');
  private isTold = false;
  private readonly refusedTopics = new Map<string, { error: PublicationError; atMs: number }>();

  /** Why Kafka can't be used; undefined while the last attempt succeeded. */
  get trouble(): PublicationError | undefined {
    return this.failedBy;
  }

  /** Why topics can't be used while others can. */
  get topicTroubles(): PublicationError[] {
    return [...this.refusedTopics.values()].map(({ error }) => error);
  }

  /** Why a topic was refused a moment ago; undefined when it is time to ask again. */
  refusalOf(topic: string): PublicationError | undefined {
    const refused = this.refusedTopics.get(topic);
    return refused && performance.now() - refused.atMs < topicPauseMs ? refused.error : undefined;
  }

  noteFailure(error: PublicationError): void {
    const isNews = !this.isTold || this.failedBy?.isTransient !== error.isTransient;
    log[isNews ? 'warn' : 'debug'](fieldsOf(error), 'publication waits for Kafka');
    this.isTold = true;
    this.failedBy = error;
  }

  noteSuccess(): void {
    if (this.isTold) log.info('Kafka is back');
    this.isTold = false;
    this.failedBy = undefined;
  }

  /** `error.about` names the topic. */
  noteRefusal(error: PublicationError): void {
    const topic = error.about!.topic;
    const isNews = this.refusedTopics.get(topic)?.error.message !== error.message;
    log[isNews ? 'warn' : 'debug']({ topic, operation: error.about!.operation, ...fieldsOf(error) }, 'records of a topic wait');
    this.refusedTopics.set(topic, { error, atMs: performance.now() });
  }

  /** The topic exists (`create`), or has taken records (`write`). */
  noteTopic(topic: string, operation: 'create' | 'write'): void {
    const refused = this.refusedTopics.get(topic);
    if (!refused || (operation === 'create' && refused.error.about?.operation === 'write')) return;
    this.refusedTopics.delete(topic);
    log.info({ topic }, 'a topic is back');
  }
}

function fieldsOf({ failure, message, cause }: PublicationError): object {
  return { failure, reason: message, cause: cause instanceof Error ? cause.message : undefined };
}

const compress = promisify<Buffer, ZlibOptions, Buffer>(gzip);
const decompress = promisify<Buffer, Buffer>(gunzip);

/** kafkajs' own gzip takes level 6 and pieces of 16 KB: half as much again of CPU a record; level 3 still shrinks recommendations to an eighth. */
const options: ZlibOptions = { level: 3, chunkSize: 256 * 1024 };

/** Compresses record batches off the main thread, in the form in which kafkajs takes codecs. */
export const gzipCodec = {
  compress: ({ buffer }: { buffer: Buffer }): Promise<Buffer> => compress(buffer, options),
  decompress,
};
