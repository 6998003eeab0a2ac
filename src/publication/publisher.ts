import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import pLimit from 'p-limit';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { KafkaClient } from './kafka-client.js';
import { type Message, recordKinds } from './messages.js';
import { PublicationError } from './publication-error.js';

/**
 * Result of one message. `failed`: it can't be sent; if it has an error record, that was sent instead.
 * `left-out`: its topic is not in KAFKA_TOPICS. `waits`: its topic was refused; publish it again later.
 */
export type PublishResult =
  | { readonly status: 'acknowledged' }
  | { readonly status: 'failed' | 'left-out'; readonly reason: string }
  | { readonly status: 'waits'; readonly error: PublicationError };

/** The record to send for a message. `isLeftOut`: its topic is not in KAFKA_TOPICS. `waitsFor`: why its topic was refused. */
type Admitted = FittedRecord & { readonly isLeftOut?: boolean; readonly waitsFor?: PublicationError };

/** A record to send, and the index of its message. */
interface Sending {
  readonly position: number;
  readonly message: Message;
}

type Refusal = readonly [Sending, PublicationError];

/** Maximum uncompressed size of one request: below the brokers' default message.max.bytes (1,048,588), even if all records go to one partition. */
const maxRequestBytes = 1_000_000;
const maxConcurrentRequests = 4;

/** Sends messages to their topics. */
@Injectable()
export class Publisher implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Our topics that KAFKA_TOPICS allows. */
  private readonly topics: ReadonlySet<string>;

  constructor(
    private readonly kafka: KafkaClient,
    @InjectSettings() private readonly settings: Settings,
  ) {
    const ours = [...new Set(Object.values(recordKinds).map(({ topic }) => settings[topic]))];
    this.topics = new Set(ours.filter((topic) => settings.KAFKA_TOPICS?.includes(topic) ?? true));
  }

  /** Whether Kafka is configured. */
  get isOn(): boolean {
    return (this.settings.KAFKA_BOOTSTRAP_SERVERS ?? []).length > 0;
  }

  onApplicationBootstrap(): void {
    if (this.isOn) this.kafka.keepWatch([...this.topics]);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.kafka.disconnect();
  }

  /** Whether Kafka accepts records. Single topics may still be refused. */
  get isUp(): boolean {
    return this.isOn && this.kafka.trouble === undefined;
  }

  /** Why some records cannot be sent now; undefined if all can. */
  trouble(): string | undefined {
    const troubles = this.kafka.trouble ? [this.kafka.trouble] : this.kafka.topicTroubles;
    return this.isOn && troubles.length > 0 ? `Kafka: ${troubles.map(({ message }) => message).join(' ')}` : undefined;
  }

  /**
   * Publishes the messages in any order; returns one result per message. It is safe to publish a message again: its record has the same bytes.
   * Rejects with a PublicationError if Kafka is unavailable: then no message has a result, and all of them must be published again later.
   */
  async publish(messages: readonly Message[]): Promise<PublishResult[]> {
    const records = messages.map((message) => this.admit(message));
    let open = [...records.keys()];
    while (open.length > 0) {
      const sendings = open.map((position) => ({ position, message: records[position]!.message }));
      const refusals = await this.sendAll(sendings.filter((sending): sending is Sending => sending.message !== undefined));
      for (const [{ position, message }, error] of refusals) records[position] = this.replacementOf(message, error);
      open = refusals.filter(([, error]) => error.isAboutRecords).map(([{ position }]) => position);
    }
    return messages.map((message, position) => resultOf(message, records[position]!));
  }

  /** Returns the record to send: the first form that fits, if its topic is in KAFKA_TOPICS. */
  private admit(message: Message): Admitted {
    const fitted = fitRecord(message, this.settings.KAFKA_MAX_RECORD_BYTES);
    if (!fitted.message || this.topics.has(fitted.message.topic)) return fitted;
    return { reason: fitted.reason ?? `Topic ${fitted.message.topic} is not in KAFKA_TOPICS.`, isLeftOut: true };
  }

  /** Returns what to send instead of a record that the broker rejected. */
  private replacementOf(message: Message, error: PublicationError): Admitted {
    const { failure, message: reason } = error;
    if (error.isAboutTopic) return { waitsFor: error };
    const smaller = failure === 'record-too-large' ? message.smaller?.(reason) : undefined;
    if (!smaller) return { reason };
    const admitted = this.admit(smaller);
    return { ...admitted, reason: admitted.reason ?? reason };
  }

  /** Sends the records; returns those that the broker rejected. */
  private async sendAll(sendings: readonly Sending[]): Promise<Refusal[]> {
    const limit = pLimit(maxConcurrentRequests);
    const topics = [...new Set(sendings.map(({ message }) => message.topic))];
    const requests = topics.flatMap((topic) => {
      const ofTopic = sendings.filter(({ message }) => message.topic === topic);
      return cutBatches(ofTopic, ({ message }) => recordBytes(message), maxRequestBytes).map((batch) => ({ topic, batch }));
    });
    try {
      return (await Promise.all(requests.map(({ topic, batch }) => limit(() => this.sendRequest(topic, batch))))).flat();
    } finally {
      limit.clearQueue();
    }
  }

  /** Sends one request. The broker rejects a request as a whole, so a rejected one is halved until only the faulty records fail. */
  private async sendRequest(topic: string, request: readonly Sending[]): Promise<Refusal[]> {
    try {
      await this.kafka.send(
        topic,
        request.map(({ message }) => message),
      );
      return [];
    } catch (error) {
      if (!(error instanceof PublicationError) || !(error.isAboutRecords || error.isAboutTopic)) throw error;
      if (request.length === 1 || error.isAboutTopic) return request.map((sending) => [sending, error]);
      const half = Math.ceil(request.length / 2);
      return [...(await this.sendRequest(topic, request.slice(0, half))), ...(await this.sendRequest(topic, request.slice(half)))];
    }
  }
}

/** A message is acknowledged if the record that was sent is of the same kind, possibly without plots. */
function resultOf(message: Message, { message: sent, reason, waitsFor, isLeftOut = false }: Admitted): PublishResult {
  if (waitsFor) return { status: 'waits', error: waitsFor };
  if (sent?.kind === message.kind) return { status: 'acknowledged' };
  return { status: isLeftOut ? 'left-out' : 'failed', reason: reason ?? 'Not published.' };
}

/** Overhead of a batch of one record, without key, value and headers (KIP-98, record format v2): 61 bytes for the batch, at most 26 for the record. */
const framingBytes = 87;
/** Maximum bytes of the length fields of one header's name and value. */
const headerFramingBytes = 10;

/** Bytes of an uncompressed batch of one record; at least as many as the broker counts. */
export function recordBytes({ key, value, headers }: Message): number {
  const headerBytes = Object.entries(headers).map(([name, text]) => headerFramingBytes + Buffer.byteLength(name) + Buffer.byteLength(text));
  return framingBytes + Buffer.byteLength(key) + Buffer.byteLength(value) + headerBytes.reduce((sum, bytes) => sum + bytes, 0);
}

/** The message itself, or a smaller form of it. */
export interface FittedRecord {
  /** Absent if no form is small enough. */
  readonly message?: Message;
  /** Why a smaller form, or none, is sent; absent if the message is unchanged. */
  readonly reason?: string;
}

/** Returns the message, or its first smaller form, that has at most `maxBytes`. */
export function fitRecord(message: Message, maxBytes: number): FittedRecord {
  let fitted: Message | undefined = message;
  let reason: string | undefined;
  while (fitted) {
    const bytes = recordBytes(fitted);
    if (bytes <= maxBytes) return { message: fitted, reason };
    reason = `The record has ${bytes} bytes, KAFKA_MAX_RECORD_BYTES is ${maxBytes}.`;
    fitted = fitted.smaller?.(reason);
  }
  return { reason };
}

/** Splits items into batches of at most `maxBytes`, in order. A larger item gets its own batch, so that it can't fail other items. */
export function cutBatches<Item>(items: readonly Item[], bytesOf: (item: Item) => number, maxBytes: number): Item[][] {
  const batches: Item[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const bytes = bytesOf(item);
    if (filled + bytes > maxBytes) {
      batches.push([]);
      filled = 0;
    }
    batches.at(-1)!.push(item);
    filled += bytes;
  }
  return batches;
}
