import { RejectedRequest } from '../sizing/bulk-request.js';
import { readJson } from '../sizing/read-json.js';

/** A Kafka record with its bytes as they came. A header that occurs several times has several values. */
export interface InputRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, readonly Buffer[]>>;
}

/** What a record asks for. */
export type RecordCommand =
  /** `body` is a parsed body of POST /bulk; `requestId` comes from outside the body. */
  | { readonly kind: 'create'; readonly body: unknown; readonly requestId?: string }
  | { readonly kind: 'cancel'; readonly jobId: string }
  | { readonly kind: 'cancel'; readonly requestId: string };

/** Types of the events that an input topic accepts (CloudEvents 1.0). */
export const eventTypes = { create: 'io.rightsizer.bulk.create', cancel: 'io.rightsizer.bulk.cancel' } as const;

/** Maximum size of a record's value in bytes. */
export const maxRecordBytes = 1_000_000;

/**
 * Reads a record: a plain bulk request, or a CloudEvent in binary or structured mode or as an envelope without headers (CloudEvents Kafka protocol
 * binding 1.0). Throws a RejectedRequest that says why the record can never lead to a job.
 */
export function readRecord({ value, headers }: Pick<InputRecord, 'value' | 'headers'>): RecordCommand {
  const text = textOf(value);
  const contentType = headerOf(headers, 'content-type')?.trim().toLowerCase() ?? '';
  if (contentType.startsWith('application/cloudevents-batch')) throw new RejectedRequest(400, 'Kafka has no batches of CloudEvents');
  const isStructured = contentType.startsWith('application/cloudevents');
  const attributes = isStructured ? {} : attributesOf(headers);
  const requestId = attributes.requestid ?? headerOf(headers, 'idempotency-key');
  if (Object.keys(attributes).length > 0) return commandOf({ ...attributes, requestid: requestId }, readJson(text));
  const body = readJson(text);
  if (isStructured || isEnvelope(body)) return commandOf(envelopeOf(body), dataOf(body as Record<string, unknown>));
  return { kind: 'create', body, ...(requestId !== undefined && { requestId }) };
}

type Attributes = Readonly<Record<string, string | undefined>>;

function textOf(value: Buffer | null): string {
  if (value === null) throw new RejectedRequest(400, 'The record has no value (a tombstone)');
  if (value.length > maxRecordBytes) {
    throw new RejectedRequest(413, `The value has ${value.length} bytes; at most ${maxRecordBytes} are allowed`);
  }
  if (value.length === 0) throw new RejectedRequest(400, 'The value is empty');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(value);
  } catch {
    throw new RejectedRequest(400, 'The value is not UTF-8');
  }
}

/** The text of a header's first value; undefined if there is none. */
function headerOf(headers: InputRecord['headers'], wanted: string): string | undefined {
  const name = Object.keys(headers).find((each) => each.toLowerCase() === wanted);
  return name === undefined ? undefined : headers[name]?.[0]?.toString('utf8');
}

/** The attributes of a binary CloudEvent: headers named `ce_…`. */
function attributesOf(headers: InputRecord['headers']): Attributes {
  const names = Object.keys(headers).filter((name) => /^ce_/i.test(name));
  return Object.fromEntries(names.map((name) => [name.slice(3).toLowerCase(), headers[name]?.[0]?.toString('utf8')]));
}

function isEnvelope(body: unknown): boolean {
  return isObject(body) && typeof body.specversion === 'string';
}

function envelopeOf(body: unknown): Attributes {
  if (!isObject(body)) throw new RejectedRequest(400, 'A structured CloudEvent must be a JSON object');
  const attributes = Object.entries(body).filter(([name]) => name !== 'data' && name !== 'data_base64');
  return Object.fromEntries(attributes.map(([name, value]) => [name, typeof value === 'string' ? value : undefined]));
}

function dataOf({ data, data_base64: encoded }: Record<string, unknown>): unknown {
  if (typeof encoded === 'string') return readJson(Buffer.from(encoded, 'base64').toString('utf8'));
  return typeof data === 'string' ? readJson(data) : data;
}

function commandOf({ specversion, type, requestid, jobid }: Attributes, data: unknown): RecordCommand {
  if (specversion !== '1.0' && specversion !== '0.3') {
    throw new RejectedRequest(400, `The CloudEvent has the specversion ${specversion ?? '(none)'}; expected 1.0 (field: specversion)`);
  }
  if (type === eventTypes.create) {
    if (data === undefined)
      throw new RejectedRequest(400, 'The CloudEvent has no data; expected a bulk request, for example {} (field: data)');
    return { kind: 'create', body: data, ...(requestid !== undefined && { requestId: requestid }) };
  }
  if (type === eventTypes.cancel) return cancellationOf(data, requestid, jobid);
  const expected = Object.values(eventTypes).join(' or ');
  throw new RejectedRequest(400, `The CloudEvent has the type ${type ?? '(none)'}; expected ${expected} (field: type)`);
}

function cancellationOf(data: unknown, requestIdAttribute: string | undefined, jobIdAttribute: string | undefined): RecordCommand {
  const members = isObject(data) ? data : {};
  const jobId = members.job_id ?? jobIdAttribute;
  const requestId = members.requestId ?? requestIdAttribute;
  if (typeof jobId === 'string') return { kind: 'cancel', jobId };
  if (typeof requestId === 'string') return { kind: 'cancel', requestId };
  throw new RejectedRequest(400, 'The event names no job; expected a text in data.job_id or data.requestId (field: data)');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
