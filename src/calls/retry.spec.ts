import { readRetryAfterMs } from './retry.js';

const nowMs = Date.parse('2026-01-01T00:00:00Z');

describe('readRetryAfterMs', () => {
  it.each([
    ['5', 5_000],
    [' 0 ', 0],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %p ms', (header, ms) => {
    expect(readRetryAfterMs(header, nowMs)).toBe(ms);
  });
});
