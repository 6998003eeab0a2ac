import type { Message } from './messages.js';

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
