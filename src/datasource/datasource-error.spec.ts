import { failureOfCode, failureOfStatus } from './datasource-error.js';

describe('failureOfStatus', () => {
  it.each([
    [400, 'parse error', 'refused-query'],
    [401, '', 'refused-credentials'],
    [403, 'too many samples', 'refused-credentials'],
    [404, 'page not found', 'not-json'],
    [302, '', 'not-json'],
    [408, '', 'timeout'],
    [413, '', 'too-large'],
    [422, 'many-to-many matching not allowed', 'refused-query'],
    [422, 'query processing would load too many samples into memory in query execution', 'too-large'],
    [400, 'exceeded maximum resolution of 11,000 points per timeseries', 'too-large'],
    [422, 'cannot select more than -search.maxSamplesPerQuery=1000000000 samples', 'too-large'],
    [422, 'the number of matching timeseries exceeds 300000; either narrow down the search', 'too-large'],
    [422, 'the query exceeded the maximum number of chunks (limit: 2000000 chunks) (err-mimir-max-chunks-per-query)', 'too-large'],
    [422, 'the query time range exceeds the limit (err-mimir-max-query-length)', 'refused-query'],
    [500, 'rpc error: code = ResourceExhausted desc = exceeded series limit: 10 exceeded 5', 'too-large'],
    [429, '', 'too-many-requests'],
    [500, 'panic', 'unavailable'],
    [502, '', 'unavailable'],
    [503, 'exceeded sample buffer', 'unavailable'],
    [504, '', 'timeout'],
  ])('classifies %i "%s" as %s', (status, text, failure) => expect(failureOfStatus(status, text)).toBe(failure));
});

describe('failureOfCode', () => {
  it.each([
    ['ECONNREFUSED', 'unreachable'],
    ['ECONNRESET', 'unreachable'],
    ['ENOTFOUND', 'unreachable'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'unreachable'],
    ['Z_BUF_ERROR', 'unreachable'],
    ['Z_DATA_ERROR', 'not-json'],
    ['HPE_INVALID_CONSTANT', 'not-json'],
    ['ETIMEDOUT', 'timeout'],
  ])('classifies %s as %s', (code, failure) => expect(failureOfCode(code)).toBe(failure));
});
