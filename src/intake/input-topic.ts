import { setTimeout as sleep } from 'node:timers/promises';
import { type CustomTransportStrategy, KafkaContext, ServerKafka } from '@nestjs/microservices';
import kafkajs, { type Admin, type Consumer, type EachMessagePayload, type KafkaMessage, type Producer } from 'kafkajs';
import { isDatabaseAway } from '../database/database-error.js';
import { kafkaConnection } from '../publication/kafka-connection.js';
import { PublicationError, publicationErrorOf } from '../publication/publication-error.js';
import { logOf } from '../settings/logger.js';
import { findStart } from './find-start.js';
import { type Delivery, inputPattern } from './intake.controller.js';
import type { PositionStore } from './position-rows.js';
import type { InputRecord } from './read-record.js';
import type { Trigger } from './trigger.js';

const log = logOf('intake');

/** Pauses after failures in a row: of the connection, or of the records of one partition. */
const firstPauseMs = 500;
const maxPauseMs = 15_000;
/** After this many failures that are neither Kafka's nor the database's, a record becomes a dead letter: something in it breaks the service. */
const maxBugs = 5;
/** Offsets are committed this long after a record was handled: Kafka's copy of the position, for tools that show lag. */
const commitMs = 500;
const lagMs = 10_000;
const closeMs = 10_000;

const timeouts = {
  connectionTimeout: 5_000,
  authenticationTimeout: 5_000,
  requestTimeout: 15_000,
  retry: { retries: 3, initialRetryTime: 200, maxRetryTime: 1_000 },
};

/** One partition that this consumer reads. */
interface AssignedPartition {
  readonly topic: string;
  readonly partition: number;
  /** The next record; absent until it was looked up. */
  next?: bigint;
  /** Offset after the newest record, as last seen. */
  high?: bigint;
  /** Failures in a row of its next record, and how many of them are bugs. */
  failures: number;
  bugs: number;
  lastBug?: string;
  /** Why it is paused; undefined while it is read. */
  trouble?: string;
}

/** State of a trigger for users. */
export interface TriggerState {
  readonly status: 'connecting' | 'running' | 'closed';
  readonly lastError?: string;
  readonly restarts: number;
  /** Records that were handled, by outcome. */
  readonly records: Readonly<Record<string, number>>;
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly next?: string;
    readonly lag?: number;
    readonly trouble?: string;
  }[];
}

interface Session {
  readonly consumer: Consumer;
  readonly producer: Producer;
  readonly admin: Admin;
}

/**
 * Consumes the topics of one trigger and passes each record to the handler of `inputPattern`, one at a time per partition. It connects in the background,
 * and again for ever: kafkajs stops for good at errors that it calls non-retriable.
 *
 * Overrides of Nest's ServerKafka: its parser decodes keys and headers as text, which destroys other bytes, and its `start` waits for Kafka.
 */
export class InputTopic extends ServerKafka implements CustomTransportStrategy {
  private readonly closing = new AbortController();
  private readonly assigned = new Map<string, AssignedPartition>();
  private readonly commits = new Map<string, AssignedPartition>();
  private session: Session | undefined;
  private running: Promise<void> | undefined;
  private commitTimer: NodeJS.Timeout | undefined;
  private lastError: string | undefined;
  private restarts = 0;
  private readonly records: Record<string, number> = {};
  private isRunning = false;
  /** Counts assignments: what began under an earlier one has no effect. */
  private generation = 0;

  constructor(
    readonly trigger: Trigger,
    private readonly positions: Pick<PositionStore, 'find' | 'begin'>,
  ) {
    super({ postfixId: '', consumer: { groupId: trigger.groupId }, run: { autoCommit: false } });
  }

  get state(): TriggerState {
    const partitions = [...this.assigned.values()].map(({ topic, partition, next, high, trouble }) => ({
      topic,
      partition,
      ...(next !== undefined && { next: String(next) }),
      ...(next !== undefined && high !== undefined && { lag: Math.max(0, Number(high - next)) }),
      ...(trouble !== undefined && { trouble }),
    }));
    return {
      status: this.closing.signal.aborted ? 'closed' : this.isRunning ? 'running' : 'connecting',
      ...(this.lastError !== undefined && { lastError: this.lastError }),
      restarts: this.restarts,
      records: this.records,
      partitions,
    };
  }

  /** Why records are not handled now; undefined if they are. */
  trouble(): string | undefined {
    if (!this.isRunning) return this.lastError ?? 'Not connected yet.';
    return [...this.assigned.values()].find(({ trouble }) => trouble !== undefined)?.trouble;
  }

  override async listen(callback: (error?: unknown) => void): Promise<void> {
    await this.start(callback as () => void);
  }

  override async start(callback: () => void): Promise<void> {
    this.running = this.keepRunning();
    callback();
  }

  override async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  /** Runs one session after the other until the trigger is closed. */
  private async keepRunning(): Promise<void> {
    const { signal } = this.closing;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.runSession(() => {
          failures = 0;
        });
      } catch (cause) {
        this.noteFailure(cause);
      }
      this.isRunning = false;
      if (!signal.aborted) this.restarts++;
      await pause(failures, signal);
    }
  }

  /** Connects and consumes until the consumer crashes or the trigger is closed. Rejects with the reason of a crash. */
  private async runSession(onRunning: () => void): Promise<void> {
    const { signal } = this.closing;
    const session = await this.open();
    try {
      const crashed = new Promise<never>((_, reject) => {
        session.consumer.on(session.consumer.events.CRASH, ({ payload }) => reject(payload.error));
      });
      crashed.catch(() => undefined);
      const closed = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      await Promise.race([crashed, closed, this.connect(session)]);
      if (signal.aborted) return;
      this.session = session;
      session.consumer.on(session.consumer.events.GROUP_JOIN, ({ payload }) => {
        onRunning();
        this.assign(session, payload.memberAssignment);
      });
      await Promise.race([crashed, closed, this.bindEvents(session.consumer)]);
      const lag = setInterval(() => void this.readLag(session).catch(() => undefined), lagMs).unref();
      await Promise.race([crashed, closed]).finally(() => clearInterval(lag));
    } finally {
      this.generation++;
      await this.commitNow().catch(() => undefined);
      this.session = undefined;
      this.assigned.clear();
      await Promise.race([closeAll(session), sleep(closeMs, undefined, { ref: false })]);
    }
  }

  private async open(): Promise<Session> {
    const kafka = new kafkajs.Kafka({
      ...(await kafkaConnection(this.trigger.connection)),
      ...timeouts,
      logLevel: kafkajs.logLevel.INFO,
      logCreator:
        () =>
        ({ namespace, log: { message, timestamp: _, ...fields } }) =>
          log.debug({ client: namespace, trigger: this.trigger.name, ...fields }, message),
    });
    return {
      consumer: kafka.consumer({
        groupId: this.trigger.groupId,
        allowAutoTopicCreation: false,
        // While all partitions are paused, kafkajs looks again after this time only.
        maxWaitTimeInMs: 500,
        // New partitions, and topics that were made anew, are seen after this time.
        metadataMaxAge: 10_000,
        retry: { ...timeouts.retry, restartOnFailure: async () => false },
      }),
      producer: kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, allowAutoTopicCreation: false }),
      admin: kafka.admin(),
    };
  }

  private async connect({ consumer, producer, admin }: Session): Promise<void> {
    await admin.connect();
    const existing = new Set(await admin.listTopics());
    const missing = this.trigger.topics.filter((topic) => !existing.has(topic));
    if (missing.length > 0)
      throw new PublicationError('topic-missing', `Topic ${missing.join(', ')} does not exist. Create it; no restart is needed.`);
    await producer.connect();
    await consumer.connect();
    // `findStart` decides where a partition begins; this counts for records that Kafka deletes while they are read.
    await consumer.subscribe({ topics: [...this.trigger.topics], fromBeginning: true });
  }

  override async bindEvents(consumer: Consumer): Promise<void> {
    await consumer.run({
      ...this.options.run,
      partitionsConsumedConcurrently: 4,
      eachMessage: (payload) => this.handleMessage(payload),
    });
  }

  override async handleMessage(payload: EachMessagePayload): Promise<void> {
    const { topic, partition, message } = payload;
    const at = this.assigned.get(nameOf(topic, partition));
    const record = recordOf(topic, partition, message);
    if (!at || at.next === undefined || !this.session) return;
    // Kafka reset the offset: the topic was made anew, or records were deleted.
    if (record.offset < at.next) return this.relocate(at);
    const delivery: Delivery = {
      trigger: this.trigger,
      record,
      ...(at.bugs >= maxBugs && { givenUpFor: at.lastBug }),
      sendToDeadLetters: (reason) => this.sendToDeadLetters(record, reason),
    };
    const context = [message, partition, topic, this.session.consumer, payload.heartbeat, this.session.producer] as const;
    await this.handleEvent(inputPattern, { pattern: inputPattern, data: delivery }, new KafkaContext(context as never));
    if (delivery.outcome === undefined) return this.retryLater(at, record, delivery.error);
    at.next = record.offset + 1n;
    this.records[delivery.outcome.kind] = (this.records[delivery.outcome.kind] ?? 0) + 1;
    at.failures = 0;
    at.bugs = 0;
    this.commitSoon(at);
  }

  /** Pauses the partition and looks its position up again after a while. */
  private retryLater(at: AssignedPartition, record: InputRecord, error: unknown): void {
    at.failures++;
    at.trouble = error instanceof Error ? error.message : String(error);
    if (!isDatabaseAway(error) && !(error instanceof PublicationError)) {
      at.bugs++;
      at.lastBug = at.trouble;
    }
    log.warn({ ...this.fieldsOf(at), offset: String(record.offset), reason: at.trouble }, 'a record waits; its partition is paused');
    this.relocate(at);
  }

  private relocate(at: AssignedPartition): void {
    const { topic, partition } = at;
    at.next = undefined;
    this.session?.consumer.pause([{ topic, partitions: [partition] }]);
    void this.locate(at, at.failures);
  }

  /** Takes over an assignment. Runs before any record of it is fetched: kafkajs does not wait for listeners, but calls them first. */
  private assign(session: Session, assignment: Readonly<Record<string, readonly number[]>>): void {
    this.generation++;
    this.isRunning = true;
    this.lastError = undefined;
    this.assigned.clear();
    for (const [topic, partitions] of Object.entries(assignment)) {
      session.consumer.pause([{ topic, partitions: [...partitions] }]);
      for (const partition of partitions) {
        const at: AssignedPartition = { topic, partition, failures: 0, bugs: 0 };
        this.assigned.set(nameOf(topic, partition), at);
        void this.locate(at, 0);
      }
    }
    log.info({ trigger: this.trigger.name, groupId: this.trigger.groupId, partitions: assignment }, 'partitions assigned');
  }

  /** Finds where the partition goes on and resumes it there. Tries until it succeeds or the assignment ends. */
  private async locate(at: AssignedPartition, failures: number): Promise<void> {
    const { generation, session } = this;
    const isCurrent = () => generation === this.generation && session === this.session && session !== undefined;
    await pause(failures - 1, this.closing.signal);
    for (let tries = failures; isCurrent(); tries++) {
      try {
        const next = await this.startOf(session!, at);
        if (!isCurrent()) return;
        const { topic, partition } = at;
        at.next = next;
        at.trouble = undefined;
        session!.consumer.seek({ topic, partition, offset: String(next) });
        session!.consumer.resume([{ topic, partitions: [partition] }]);
        return;
      } catch (error) {
        at.trouble = error instanceof Error ? error.message : String(error);
        log.warn({ ...this.fieldsOf(at), reason: at.trouble }, 'cannot look up the position of a partition; trying again');
        await pause(tries, this.closing.signal);
      }
    }
  }

  private async startOf({ admin }: Session, at: AssignedPartition): Promise<bigint> {
    const { topic, partition } = at;
    const place = { groupId: this.trigger.groupId, topic, partition };
    const [position, [committed], offsets] = await Promise.all([
      this.positions.find(place),
      admin.fetchOffsets({ groupId: place.groupId, topics: [topic] }),
      admin.fetchTopicOffsets(topic),
    ]);
    const known = offsets.find((each) => each.partition === partition);
    if (!known) throw new PublicationError('topic-missing', `Topic ${topic} has no partition ${partition} now.`);
    const commit = committed?.partitions.find((each) => each.partition === partition)?.offset;
    at.high = BigInt(known.high);
    const start = await findStart(
      position,
      {
        low: BigInt(known.low),
        high: BigInt(known.high),
        ...(commit !== undefined && Number(commit) >= 0 && { committed: BigInt(commit) }),
        atTime: async (timeMs) => {
          const found = await admin.fetchTopicOffsetsByTimestamp(topic, timeMs);
          return BigInt(found.find((each) => each.partition === partition)?.offset ?? known.high);
        },
      },
      this.trigger.initialOffset,
    );
    if (start.warning) log.warn({ ...this.fieldsOf(at), offset: String(start.offset) }, start.warning);
    if (start.replaces) await this.positions.begin(place, start.offset, true);
    return start.offset;
  }

  private async sendToDeadLetters(record: InputRecord, reason: string): Promise<void> {
    const topic = this.trigger.deadLetterTopic(record.topic);
    const headers = { ...record.headers, ...connectHeaders(record, reason) } as Record<string, Buffer[]>;
    const message = { key: record.key, value: record.value, headers, timestamp: String(record.timestamp) };
    const { producer, admin } = this.session!;
    try {
      await this.createDeadLetterTopic(admin, topic, record.topic);
      await producer.send({ acks: -1, topic, messages: [message] });
    } catch (cause) {
      const error = publicationErrorOf(cause, { topic, operation: 'write' });
      if (error.failure !== 'record-too-large') throw error;
      const size = Buffer.from(String(record.value?.length ?? 0));
      const small = { ...message, value: null, headers: { ...headers, '__connect.errors.value.size': size } };
      await producer.send({ acks: -1, topic, messages: [small] });
    }
  }

  /** Creates the dead-letter topic if it is missing, with the largest record size of the input topic. */
  private async createDeadLetterTopic(admin: Admin, topic: string, inputTopic: string): Promise<void> {
    if ((await admin.listTopics()).includes(topic)) return;
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: inputTopic, configNames: ['max.message.bytes'] }],
    });
    const value = resources[0]?.configEntries[0]?.configValue;
    await admin.createTopics({ topics: [{ topic, ...(value && { configEntries: [{ name: 'max.message.bytes', value }] }) }] });
    log.info({ trigger: this.trigger.name, topic }, 'dead-letter topic created');
  }

  private commitSoon(at: AssignedPartition): void {
    this.commits.set(nameOf(at.topic, at.partition), at);
    this.commitTimer ??= setTimeout(() => {
      this.commitTimer = undefined;
      void this.commitNow().catch((error) => log.debug({ trigger: this.trigger.name, error: String(error) }, 'offsets are not committed'));
    }, commitMs);
  }

  private async commitNow(): Promise<void> {
    clearTimeout(this.commitTimer);
    this.commitTimer = undefined;
    const offsets = [...this.commits.values()].flatMap(({ topic, partition, next }) =>
      next === undefined ? [] : [{ topic, partition, offset: String(next) }],
    );
    this.commits.clear();
    if (offsets.length > 0) await this.session?.consumer.commitOffsets(offsets);
  }

  private async readLag({ admin }: Session): Promise<void> {
    for (const topic of this.trigger.topics) {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        const at = this.assigned.get(nameOf(topic, partition));
        if (at) at.high = BigInt(high);
      }
    }
  }

  private noteFailure(cause: unknown): void {
    if (this.closing.signal.aborted) return;
    const { message, failure } = publicationErrorOf(cause);
    const isNews = this.lastError !== message;
    this.lastError = message;
    log[isNews ? 'warn' : 'debug'](
      { trigger: this.trigger.name, failure, reason: message },
      'the input topics cannot be read; trying again',
    );
  }

  private fieldsOf({ topic, partition }: AssignedPartition): object {
    return { trigger: this.trigger.name, topic, partition };
  }
}

/** Headers with which Kafka Connect describes a dead letter (KIP-298). */
function connectHeaders({ topic, partition, offset }: InputRecord, reason: string): Record<string, Buffer[]> {
  const values = { topic, partition: String(partition), offset: String(offset), 'exception.message': reason };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`__connect.errors.${name}`, [Buffer.from(value)]]));
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** A record as it came. kafkajs gives the values of a repeated header as a list. */
export function recordOf(topic: string, partition: number, { key, value, headers = {}, offset, timestamp }: KafkaMessage): InputRecord {
  const lists = Object.entries(headers).map(([name, values]) => [name, [values].flat().map((each) => Buffer.from(each ?? ''))]);
  return { topic, partition, offset: BigInt(offset), timestamp: Number(timestamp), key, value, headers: Object.fromEntries(lists) };
}

/** Waits: longer after each failure, and not at all before the first. */
async function pause(failures: number, signal: AbortSignal): Promise<void> {
  if (failures < 0) return;
  await sleep(Math.min(maxPauseMs, firstPauseMs * 2 ** failures), undefined, { signal, ref: false }).catch(() => undefined);
}

async function closeAll({ consumer, producer, admin }: Session): Promise<void> {
  await Promise.allSettled([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
}
