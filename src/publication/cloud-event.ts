import { createHash } from 'node:crypto';
import { RawJson, renderJson } from '../experiments/documents.js';
import type { Settings } from '../settings/settings-schema.js';

export type CloudEventSettings = Pick<Settings, 'KAFKA_CE_MODE' | 'CE_SOURCE'>;

/** The event of a record (CloudEvents 1.0). */
export interface CloudEvent {
  readonly type: string;
  readonly jobId: string;
  /** Name of the experiment; absent if the record is about the job. */
  readonly experiment?: string;
  /** Commit time of the result: ISO 8601, UTC, milliseconds. */
  readonly time: string;
}

export interface EncodedEvent {
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Hex SHA-256 of `job id \n type \n experiment name`; the name is empty for a job record. Stable, so that consumers recognize repeats. */
export function eventId({ jobId, type, experiment = '' }: CloudEvent): string {
  return createHash('sha256').update(`${jobId}\n${type}\n${experiment}`).digest('hex');
}

/** Returns value and headers of a Kafka record, in the content mode of KAFKA_CE_MODE (CloudEvents Kafka protocol binding). */
export function encodeEvent(event: CloudEvent, data: string, settings: CloudEventSettings): EncodedEvent {
  const { jobId, type, experiment, time } = event;
  const subject = experiment === undefined ? jobId : `${jobId}/${experiment}`;
  return encoders[settings.KAFKA_CE_MODE](
    { specversion: '1.0', id: eventId(event), source: settings.CE_SOURCE, type, time, subject },
    data,
  );
}

const encoders: Record<CloudEventSettings['KAFKA_CE_MODE'], (attributes: Record<string, string>, data: string) => EncodedEvent> = {
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
