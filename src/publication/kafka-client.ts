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

/** A connected producer and admin client. */
type Session = { readonly producer: Producer; readonly admin: Admin };

/** Maximum time of one attempt, connecting included. The caller decides whether to retry. */
const attemptMs = 15_000;
const timeouts = {
  connectionTimeout: 3_000,
  authenticationTimeout: 5_000,
  requestTimeout: 10_000,
  retry: { retries: 4, initialRetryTime: 200, maxRetryTime: 1_000 },
};
const watchMs = 10_000;

kafkajs.CompressionCodecs[kafkajs.CompressionTypes.GZIP] = () => gzipCodec;

const log = logOf('publication');

/**
 * Sends records to Kafka. Connects on first use and reconnects after an outage.
 *
 * The producer is not idempotent: after a failed batch, kafkajs reuses its sequence numbers for the next one. If the broker had stored the
 * failed batch, it would acknowledge the next one and drop it as a duplicate. Records have stable ids instead, so that consumers recognize
 * repeats.
 */
@Injectable()
export class KafkaClient {
  private session: Promise<Session> | undefined;
  private readonly watch = new KafkaWatch();
  private watchTimer: NodeJS.Timeout | undefined;
  private isClosed = false;
  private readonly attempts = new Set<Promise<unknown>>();
  private topics: readonly string[] = [];

  constructor(@InjectSettings() private readonly settings: KafkaSettings) {}

  /** Why Kafka can't be used; undefined if the last attempt succeeded. */
  get trouble(): PublicationError | undefined {
    return this.watch.trouble;
  }

  /** Errors of single topics that can't be used while others can. */
  get topicTroubles(): PublicationError[] {
    return this.watch.topicTroubles;
  }

  /** Connects, ensures that these topics exist, and checks Kafka again every 10 s. `trouble` and `topicTroubles` hold the result. */
  keepWatch(topics: readonly string[]): void {
    this.topics = topics;
    const check = () => void this.ensureTopics(topics).catch(() => {});
    check();
    this.watchTimer = setInterval(check, watchMs).unref();
  }

  /** Creates missing topics if KAFKA_CREATE_TOPICS allows it; `topicTroubles` lists those that it could not create. Rejects with a PublicationError. */
  async ensureTopics(topics: readonly string[]): Promise<void> {
    await this.attempt(({ admin }) => this.createMissing(admin, topics));
  }

  /**
   * Sends records of one topic in one request; resolves when all in-sync replicas have all of them. Rejects with a PublicationError within
   * 15 s, or at once if the topic was refused less than 10 s ago.
   */
  async send(topic: string, messages: readonly Message[]): Promise<void> {
    const refusal = this.watch.refusalOf(topic);
    if (refusal) throw refusal;
    const { GZIP, None } = kafkajs.CompressionTypes;
    const action = ({ producer }: Session) =>
      producer.send({
        acks: -1, // of all in-sync replicas
        timeout: timeouts.requestTimeout,
        compression: this.settings.KAFKA_COMPRESSION === 'gzip' ? GZIP : None,
        topic,
        messages: messages.map(({ key, value, headers }) => ({ key, value: Buffer.from(value), headers })),
      });
    await this.attempt(action, { topic, operation: 'write' });
    this.watch.noteTopic(topic, 'write');
  }

  /** Waits for running attempts, then closes the connection. Later calls reject. */
  async disconnect(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.watchTimer);
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
      if (error.isAboutTopic) {
        // kafkajs requests metadata of all topics that it has sent to, so a refused one would fail the others too.
        this.drop(session, Promise.allSettled(this.attempts));
        this.watch.noteRefusal(error);
      } else if (error.isAboutRecords) {
        this.watch.noteSuccess();
      } else {
        this.drop(session);
        this.watch.noteFailure(error);
      }
      throw error;
    } finally {
      this.attempts.delete(attempt);
    }
  }

  private async connect(): Promise<Session> {
    const kafka = new kafkajs.Kafka({
      ...(await kafkaConnection(this.settings)),
      ...timeouts,
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

  /** Creates a topic if allowed; returns whether it exists now. An error of this topic alone is recorded and does not affect the others. */
  private async create(admin: Admin, topic: string): Promise<boolean> {
    const about = { topic, operation: 'create' } as const;
    const { KAFKA_CREATE_TOPICS, KAFKA_TOPIC_PARTITIONS: numPartitions, KAFKA_TOPIC_REPLICATION: replicationFactor } = this.settings;
    try {
      if (!KAFKA_CREATE_TOPICS) {
        throw new PublicationError(
          'topic-missing',
          `Topic ${topic} does not exist and KAFKA_CREATE_TOPICS is false. Create the topic or set KAFKA_CREATE_TOPICS=true.`,
          { about },
        );
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

  /** Drops the session, so that the next attempt opens a new connection. Closes it when `running` has settled. */
  private drop(session: Promise<Session>, running?: Promise<unknown>): void {
    if (this.session === session) this.session = undefined;
    void Promise.all([session, running])
      .then(([opened]) => close(opened))
      .catch(() => {});
  }
}

async function close({ producer, admin }: Session): Promise<void> {
  await Promise.allSettled([producer.disconnect(), admin.disconnect()]);
}

/** Writes kafkajs' own messages at DEBUG. KafkaWatch logs the changes that users need to know. */
function writeLog({ namespace, log: { message, timestamp: _timestamp, ...fields } }: LogEntry): void {
  log.debug({ client: namespace, ...fields }, message);
}

/** Rejects with a timeout if the promise takes longer than `ms`; its later result is ignored. */
async function within<Result>(ms: number, promise: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new PublicationError('timeout')), ms);
  });
  return Promise.race([promise, deadline]).finally(() => clearTimeout(timer));
}

/** Pause before a refused topic is tried again: each try may render a complete shard. */
const topicPauseMs = 10_000;

/** Tracks whether Kafka accepts records, as a whole and per topic, and logs each change once. */
export class KafkaWatch {
  private failedBy: PublicationError | undefined = new PublicationError(
    'unreachable',
    'Not connected yet. Records are kept and sent once it is reachable.',
  );
  private isReported = false;
  private readonly refusedTopics = new Map<string, { error: PublicationError; atMs: number }>();

  /** Why Kafka can't be used; undefined if the last attempt succeeded. */
  get trouble(): PublicationError | undefined {
    return this.failedBy;
  }

  /** Errors of single topics that can't be used while others can. */
  get topicTroubles(): PublicationError[] {
    return [...this.refusedTopics.values()].map(({ error }) => error);
  }

  /** Why a topic was refused less than `topicPauseMs` ago; undefined if it may be tried. */
  refusalOf(topic: string): PublicationError | undefined {
    const refused = this.refusedTopics.get(topic);
    return refused && performance.now() - refused.atMs < topicPauseMs ? refused.error : undefined;
  }

  noteFailure(error: PublicationError): void {
    const isNews = !this.isReported || this.failedBy?.isTransient !== error.isTransient;
    log[isNews ? 'warn' : 'debug'](fieldsOf(error), 'Kafka is unavailable; records are kept');
    this.isReported = true;
    this.failedBy = error;
  }

  noteSuccess(): void {
    if (this.isReported) log.info('Kafka is available again');
    this.isReported = false;
    this.failedBy = undefined;
  }

  /** `error.about` names the topic. */
  noteRefusal(error: PublicationError): void {
    const topic = error.about!.topic;
    const isNews = this.refusedTopics.get(topic)?.error.message !== error.message;
    log[isNews ? 'warn' : 'debug']({ topic, operation: error.about!.operation, ...fieldsOf(error) }, 'topic refused; its records are kept');
    this.refusedTopics.set(topic, { error, atMs: performance.now() });
  }

  /** The topic exists (`create`) or has accepted records (`write`). A `create` does not clear a refused `write`. */
  noteTopic(topic: string, operation: 'create' | 'write'): void {
    const refused = this.refusedTopics.get(topic);
    if (!refused || (operation === 'create' && refused.error.about?.operation === 'write')) return;
    this.refusedTopics.delete(topic);
    log.info({ topic }, 'topic available again');
  }
}

function fieldsOf({ failure, message, cause }: PublicationError): object {
  return { failure, reason: message, cause: cause instanceof Error ? cause.message : undefined };
}

const compress = promisify<Buffer, ZlibOptions, Buffer>(gzip);
const decompress = promisify<Buffer, Buffer>(gunzip);

/** A kafkajs codec that compresses record batches off the main thread. */
export const gzipCodec = {
  // kafkajs' own codec uses level 6 and 16 KB chunks, which takes 50 % more CPU per record. Level 3 still compresses recommendations to an eighth.
  compress: ({ buffer }: { buffer: Buffer }): Promise<Buffer> => compress(buffer, { level: 3, chunkSize: 256 * 1024 }),
  decompress,
};
