import { createHash } from 'node:crypto';
import { RawJson, renderJson } from '../experiments/documents.js';
import type { Settings } from '../settings/settings-schema.js';

export type CloudEventSettings = Pick<Settings, 'KAFKA_CE_MODE' | 'CE_SOURCE'>;

/** What a record tells, as a CloudEvent (CloudEvents 1.0, spec.md). */
export interface CloudEvent {
  readonly type: string;
  readonly jobId: string;
  /** Name of the experiment; absent where the record is about the whole job. */
  readonly experiment?: string;
  /** Time of the commit that the record tells of: ISO-8601, UTC, milliseconds. */
  readonly time: string;
}

export interface EncodedEvent {
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Hex sha256 of `job id \n type \n experiment name` (the name is empty for a job's record), so that a repeat is recognisable. */
export function eventId({ jobId, type, experiment = '' }: CloudEvent): string {
  return createHash('sha256').update(`${jobId}\n${type}\n${experiment}`).digest('hex');
}

/** The data as value and headers of a Kafka record, in the content mode of the settings (CloudEvents Kafka protocol binding). */
export function encodeEvent(event: CloudEvent, data: string, settings: CloudEventSettings): EncodedEvent {
  return encoders[settings.KAFKA_CE_MODE](attributesOf(event, settings.CE_SOURCE), data);
}

type Attributes = ReturnType<typeof attributesOf>;

function attributesOf(event: CloudEvent, source: string) {
  return {
    specversion: '1.0',
    id: eventId(event),
    source,
    type: event.type,
    time: event.time,
    subject: event.experiment === undefined ? event.jobId : `${event.jobId}/${event.experiment}`,
  };
}

const encoders: Record<CloudEventSettings['KAFKA_CE_MODE'], (attributes: Attributes, data: string) => EncodedEvent> = {
  binary: (attributes, data) => ({
    value: data,
    headers: {
      ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, value])),
      'content-type': 'application/json',
    },
  }),
  structured: (attributes, data) => ({
    value: renderJson({ ...attributes, datacontenttype: 'application/json', data: new RawJson(data) }),
    headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
  }),
  off: (_attributes, data) => ({ value: data, headers: {} }),
};
