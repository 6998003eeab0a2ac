import { chooseReader, tellsNoRemoteRead } from './choose-reader.js';

describe('chooseReader', () => {
  const refused = { failure: 'not-json', message: 'it answered 404' } as const;

  it.each([
    ['auto', undefined, 'chunks', 'remote read answers with chunks'],
    ['auto', refused, 'promql', 'no chunks by remote read: it answered 404'],
    ['chunks', refused, 'chunks', 'its entry says usage_reader: chunks'],
    ['promql', undefined, 'promql', 'its entry says usage_reader: promql'],
  ] as const)('for %s and the failure %j takes %s', (configured, failure, used, reason) =>
    expect(chooseReader(configured, failure)).toEqual({ used, reason }),
  );
});

describe('tellsNoRemoteRead', () => {
  it.each([
    ['refused-query', true],
    ['not-json', true],
    ['malformed', true],
    ['refused-credentials', true],
    ['unavailable', true],
    ['unreachable', false],
    ['timeout', false],
    ['cancelled', false],
  ] as const)('of %s says %s', (failure, expected) => expect(tellsNoRemoteRead(failure)).toBe(expected));
});
