import { describe, expect, it } from '@jest/globals';
import { maxRecordBytes, readRecord } from './read-record.js';

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const headersOf = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [Buffer.from(value)]]));
const read = (value: unknown, headers: Record<string, string> = {}) => readRecord({ value: bytes(value), headers: headersOf(headers) });

const attributes = { specversion: '1.0', id: '1', source: '/test', type: 'io.rightsizer.bulk.create' };
const binary = (more: Record<string, string> = {}) =>
  Object.fromEntries(Object.entries({ ...attributes, ...more }).map(([name, value]) => [`ce_${name}`, value]));
const structured = { 'Content-Type': 'Application/CloudEvents+json; charset=UTF-8' };
const request = { datasource: 'prometheus-1' };

describe('a record that starts a job', () => {
  it.each([
    ['a plain request', request, {}],
    ['a binary CloudEvent', request, { ...binary(), 'content-type': 'application/json' }],
    ['a CloudEvent of version 0.3', request, binary({ specversion: '0.3' })],
    ['a structured CloudEvent', { ...attributes, data: request }, structured],
    ['a structured CloudEvent with its attributes in headers too', { ...attributes, data: request }, { ...structured, ...binary() }],
    ['a structured CloudEvent with base64 data', { ...attributes, data_base64: bytes(request).toString('base64') }, structured],
    ['an envelope with JSON text as data', { ...attributes, data: JSON.stringify(request) }, {}],
    ['an envelope without headers, as Kogito sends it', { ...attributes, data: request }, {}],
  ])('can be %s', (_, value, headers) => {
    expect(read(value, headers)).toEqual({ kind: 'create', body: request });
  });

  it('can be an empty request', () => {
    expect(read({})).toEqual({ kind: 'create', body: {} });
  });

  it('takes an attribute or the header Idempotency-Key as request id', () => {
    expect(read({}, binary({ requestid: 'a' }))).toEqual({ kind: 'create', body: {}, requestId: 'a' });
    expect(read({ ...attributes, requestid: 'b', data: {} })).toEqual({ kind: 'create', body: {}, requestId: 'b' });
    expect(read({}, { 'Idempotency-Key': 'c' })).toEqual({ kind: 'create', body: {}, requestId: 'c' });
  });
});

describe('a record that cancels a job', () => {
  const cancel = { ...attributes, type: 'io.rightsizer.bulk.cancel' };

  it('names it by its id or its request id, in the data or in an attribute', () => {
    expect(read({ ...cancel, data: { job_id: 'x' } })).toEqual({ kind: 'cancel', jobId: 'x' });
    expect(read({ ...cancel, data: { requestId: 'r' } })).toEqual({ kind: 'cancel', requestId: 'r' });
    expect(read({}, binary({ type: cancel.type, jobid: 'x' }))).toEqual({ kind: 'cancel', jobId: 'x' });
    expect(read({ ...cancel, requestid: 'r' })).toEqual({ kind: 'cancel', requestId: 'r' });
  });

  it('must name one', () => {
    expect(() => read({ ...cancel, data: { job_id: 7 } })).toThrow('names no job');
  });
});

describe('a record that can never lead to a job', () => {
  it.each([
    ['text', 'no JSON', {}, 'The body is not JSON'],
    ['an empty value', '', {}, 'The value is empty'],
    ['deep nesting', '['.repeat(100), {}, 'nested deeper than 32 levels'],
    ['an event of another type', { ...attributes, type: 'other', data: {} }, {}, 'has the type other'],
    ['an envelope without a type', { specversion: '1.0', data: {} }, {}, 'has the type (none)'],
    ['a binary event without a type', {}, { ce_specversion: '1.0', ce_id: '1' }, 'has the type (none)'],
    ['a binary event without a version', {}, { ce_type: 'io.rightsizer.bulk.create' }, 'has the specversion (none)'],
    ['an unknown version', { ...attributes, specversion: '9', data: {} }, {}, 'has the specversion 9'],
    ['an event without data', attributes, {}, 'has no data'],
    ['a structured event that is no object', [], structured, 'must be a JSON object'],
    ['a batch', [], { 'content-type': 'application/cloudevents-batch+json' }, 'no batches'],
  ])('is %s', (_, value, headers, reason) => {
    expect(() => read(value, headers as Record<string, string>)).toThrow(reason);
  });

  it('is a tombstone', () => {
    expect(() => readRecord({ value: null, headers: {} })).toThrow('tombstone');
  });

  it('is a value that is not UTF-8', () => {
    expect(() => readRecord({ value: Buffer.from([0x22, 0xff, 0x22]), headers: {} })).toThrow('not UTF-8');
  });

  it('is larger than 1 MB', () => {
    const text = (length: number) => JSON.stringify('x'.repeat(length - 2));
    expect(read(text(maxRecordBytes))).toMatchObject({ kind: 'create' });
    expect(() => read(text(maxRecordBytes + 1))).toThrow(`${maxRecordBytes + 1} bytes`);
  });
});
