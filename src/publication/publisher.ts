import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import pLimit from 'p-limit';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { KafkaClient } from './kafka-client.js';
import { type Message, recordKinds } from './messages.js';
import { PublicationError } from './publication-error.js';

/**
 * How one message ended. `failed`: it will not go out; an error record has gone out in its place where there is one.
 * `left-out`: KAFKA_TOPICS leaves out its topic. `waits`: its topic was refused; it is to be published again later.
 */
export type PublishResult =
  | { readonly status: 'acknowledged' }
  | { readonly status: 'failed' | 'left-out'; readonly reason: string }
  | { readonly status: 'waits'; readonly error: PublicationError };

/** What goes out of a message; `isLeftOut`: its topic is not to be published to; `waitsFor`: why its topic can't be. */
type Admitted = FittedRecord & { readonly isLeftOut?: boolean; readonly waitsFor?: PublicationError };

export interface PublisherState {
  readonly ready: boolean;
  readonly reason?: string;
}

/** A record on its way, and the position of the message it stands for. */
interface Sending {
  readonly position: number;
  readonly message: Message;
}

type Refusal = readonly [Sending, PublicationError];

/** Uncompressed bytes of one request: below the brokers' default message.max.bytes (1,048,588), whatever partition the records go to. */
const requestBytes = 1_000_000;
const requestsAtOnce = 4;

/** Puts messages on their topics. */
@Injectable()
export class Publisher implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Topics that may be published to. */
  private readonly topics: ReadonlySet<string>;

  constructor(
    private readonly kafka: KafkaClient,
    @InjectSettings() private readonly settings: Settings,
  ) {
    const ours = [...new Set(Object.values(recordKinds).map(({ topic }) => settings[topic]))];
    this.topics = new Set(ours.filter((topic) => settings.KAFKA_TOPICS?.includes(topic) ?? true));
  }

  /** Whether there is a Kafka to publish to. */
  get isOn(): boolean {
    return (this.settings.KAFKA_BOOTSTRAP_SERVERS ?? []).length > 0;
  }

  onApplicationBootstrap(): void {
    if (this.isOn) this.kafka.keepWatch([...this.topics]);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.kafka.disconnect();
  }

  /** Whether Kafka takes records; perhaps not on every topic. */
  get isUp(): boolean {
    return this.isOn && this.kafka.trouble === undefined;
  }

  /** Whether all records can go out now, for the readiness probe. */
  state(): PublisherState {
    const troubles = this.kafka.trouble ? [this.kafka.trouble] : this.kafka.topicTroubles;
    if (!this.isOn || troubles.length === 0) return { ready: true };
    return { ready: false, reason: `Kafka: ${troubles.map(({ message }) => message).join(' ')}` };
  }

  /**
   * Publishes the messages, in no set order; gives one result a message. Sending the same again is harmless, records are byte-equal.
   * Rejects with a PublicationError when Kafka is away: then nothing is decided, and all of them are to be published again later.
   */
  async publish(messages: readonly Message[]): Promise<PublishResult[]> {
    const records = messages.map((message) => this.admit(message));
    let open = [...records.keys()];
    while (open.length > 0) {
      const refusals = await this.sendAll(open.flatMap((position) => sendingOf(position, records[position]!)));
      for (const [{ position, message }, error] of refusals) records[position] = this.replacementOf(message, error);
      open = refusals.filter(([, error]) => error.isAboutRecords).map(([{ position }]) => position);
    }
    return messages.map((message, position) => resultOf(message, records[position]!));
  }

  /** What of the message may go out: it has to fit, and its topic has to be one of ours. */
  private admit(message: Message): Admitted {
    const fitted = fitRecord(message, this.settings.KAFKA_MAX_RECORD_BYTES);
    if (!fitted.message || this.topics.has(fitted.message.topic)) return fitted;
    return { reason: fitted.reason ?? `Topic ${fitted.message.topic} is not in KAFKA_TOPICS.`, isLeftOut: true };
  }

  /** What goes out in place of a record that the broker refused. */
  private replacementOf(message: Message, error: PublicationError): Admitted {
    const { failure, message: reason } = error;
    if (error.isAboutTopic) return { waitsFor: error };
    const smaller = failure === 'record-too-large' ? message.smaller?.(reason) : undefined;
    if (!smaller) return { reason };
    const admitted = this.admit(smaller);
    return { ...admitted, reason: admitted.reason ?? reason };
  }

  /** Sends the records; gives those that the broker refused. */
  private async sendAll(sendings: readonly Sending[]): Promise<Refusal[]> {
    const limit = pLimit(requestsAtOnce);
    const topics = [...new Set(sendings.map(({ message }) => message.topic))];
    const requests = topics.flatMap((topic) => {
      const ofTopic = sendings.filter(({ message }) => message.topic === topic);
      return cutBatches(ofTopic, ({ message }) => recordBytes(message), requestBytes).map((batch) => ({ topic, batch }));
    });
    try {
      return (await Promise.all(requests.map(({ topic, batch }) => limit(() => this.sendRequest(topic, batch))))).flat();
    } finally {
      limit.clearQueue();
    }
  }

  /** Sends one request. The broker refuses it whole, so a refused one is halved until the records stand alone that it does not take. */
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

function sendingOf(position: number, { message }: FittedRecord): Sending[] {
  return message ? [{ position, message }] : [];
}

/** A message is acknowledged when what went out in the end tells the same, be it without plots. */
function resultOf(message: Message, { message: sent, reason, waitsFor, isLeftOut = false }: Admitted): PublishResult {
  if (waitsFor) return { status: 'waits', error: waitsFor };
  if (sent?.kind === message.kind) return { status: 'acknowledged' };
  return { status: isLeftOut ? 'left-out' : 'failed', reason: reason ?? 'Not published.' };
}

/** Kafka's own bytes beside key, value and headers (KIP-98, record format v2): 61 of a batch of one, at most 26 of its record. */
const framingBytes = 87;
/** Lengths of one header's name and value. */
const headerFramingBytes = 10;

/** Bytes of an uncompressed batch of one record, never less than the broker counts. */
export function recordBytes({ key, value, headers }: Message): number {
  const headerBytes = Object.entries(headers).map(([name, text]) => headerFramingBytes + Buffer.byteLength(name) + Buffer.byteLength(text));
  return framingBytes + Buffer.byteLength(key) + Buffer.byteLength(value) + headerBytes.reduce((sum, bytes) => sum + bytes, 0);
}

/** What is sent of a message: itself, or a smaller one in its place. */
export interface FittedRecord {
  /** Absent: nothing of it is small enough. */
  readonly message?: Message;
  /** Why the message did not go out with all it says; absent: it did. */
  readonly reason?: string;
}

/** The message, or the first of its smaller forms that has at most `maxBytes`. */
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

/**
 * Cuts items into batches of at most `maxBytes`, in their order. An item that is larger by itself stands alone, so that it can't fail its
 * neighbours.
 */
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
