import { createRequire } from 'node:module';
import fc from 'fast-check';
import type { Message } from './messages.js';
import { cutBatches, fitRecord, recordBytes } from './publisher.js';

/** kafkajs' own encoder, which has no types. */
const require = createRequire(import.meta.url);
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0');
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0');

const message = (value: string, rest: Partial<Message> = {}): Message => ({
  kind: 'recommendation',
  topic: 'recommendations-topic',
  key: 'k',
  value,
  headers: {},
  ...rest,
});

describe('fitRecord', () => {
  it('leaves a record unchanged if it fits exactly', () => {
    const fits = message('x'.repeat(500));
    expect(fitRecord(fits, recordBytes(fits))).toEqual({ message: fits, reason: undefined });
  });

  it('counts the bytes, not the characters, of key, value and headers', () => {
    expect(recordBytes(message('ü')) - recordBytes(message('u'))).toBe(1);
    expect(recordBytes(message('', { key: '日本' })) - recordBytes(message('', { key: '' }))).toBe(6);
    expect(recordBytes(message('', { headers: { ce_id: 'é' } }))).toBeGreaterThanOrEqual(recordBytes(message('')) + 7);
  });

  it('counts at least as many bytes as the broker, and only a few more', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.nat({ max: 300_000 }).map((length) => 'x'.repeat(length)),
    );
    await fc.assert(
      fc.asyncProperty(text, text, fc.dictionary(fc.string(), text), async (key, value, headers) => {
        const record = encodeRecord({ offsetDelta: 0, timestampDelta: 0, key, value, headers });
        const { buffer } = await RecordBatch({ records: [record] });
        const counted = recordBytes(message(value, { key, headers }));
        expect(counted).toBeGreaterThanOrEqual(buffer.length);
        expect(counted - buffer.length).toBeLessThan(26 + 10 * Object.keys(headers).length);
      }),
    );
  });

  it('returns the first smaller form that fits; the reason states the sizes', () => {
    const small = message('s');
    const middle = message('m'.repeat(300), { smaller: () => small });
    const large = message('l'.repeat(900), { smaller: () => middle });
    const bytes = recordBytes(large);
    expect(fitRecord(large, 500)).toEqual({ message: middle, reason: `The record has ${bytes} bytes, KAFKA_MAX_RECORD_BYTES is 500.` });
    expect(fitRecord(large, 200).message).toBe(small);
  });

  it('returns no message if no form is small enough', () => {
    const bytes = recordBytes(message('x'.repeat(900)));
    expect(fitRecord(message('x'.repeat(900)), 500)).toEqual({ reason: `The record has ${bytes} bytes, KAFKA_MAX_RECORD_BYTES is 500.` });
  });
});

describe('cutBatches', () => {
  it.each([
    [[], []],
    [
      [40, 60, 1],
      [[40, 60], [1]],
    ],
    [
      [500, 10, 10],
      [[500], [10, 10]],
    ],
    [
      [10, 500, 10],
      [[10], [500], [10]],
    ],
  ])('cuts %j into %j', (sizes, batches) => {
    expect(cutBatches(sizes, (size) => size, 100)).toEqual(batches);
  });

  it('keeps all items in order; only a batch of one item may exceed the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300)), (sizes) => {
        const batches = cutBatches(sizes, (size) => size, 100);
        expect(batches.flat()).toEqual(sizes);
        for (const batch of batches) expect(batch.length === 1 || batch.reduce((sum, size) => sum + size, 0) <= 100).toBe(true);
      }),
    );
  });
});
