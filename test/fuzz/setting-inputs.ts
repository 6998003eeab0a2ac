import fc from 'fast-check';
import { settingsSchema } from '../../src/settings/settings-schema.js';

/** Marks the values of secret settings; it must never be printed. */
export const secret = 'hunter2';

const value = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'true',
    'no',
    '0',
    '-1',
    '1e3',
    '0x10',
    '99999999999',
    'host',
    'host:9092',
    '[::1]:9092',
    ':::',
    '*',
    '%namespace%',
    '%x%',
    '/none',
    'SASL_SSL',
    'OAUTHBEARER',
    'api',
    '.',
    'summary,x',
    '\u0000',
  ),
  fc.constantFrom(
    `http://me:${secret}@host:99999`,
    `postgres://me:${secret}@`,
    `redis://:${secret}@host`,
    `https://host/?token=${secret}`,
    secret,
  ),
  fc.string({ unit: 'binary', maxLength: 100 }).map((text) => text.replaceAll('\u0000', '')),
  fc.integer({ min: 1, max: 50_000 }).map((length) => 'x'.repeat(length)),
);

/** An environment with arbitrary values for some settings. */
export const environment: fc.Arbitrary<Record<string, string>> = fc.dictionary(
  fc.constantFrom(...Object.keys(settingsSchema.shape), 'HTTPS_PROXY'),
  value,
  { minKeys: 1, maxKeys: 12, noNullPrototype: true },
);
