import { crc32c, loadPortable } from './crc32c.js';

describe('crc32c', () => {
  // RFC 3720 B.4 and the usual check value.
  it.each([
    ['123456789', 0xe3069283],
    ['', 0],
    ['\0'.repeat(32), 0x8a9136aa],
  ])('of %j is the same in both libraries', async (text, expected) => {
    const portable = await loadPortable();
    expect([crc32c(Buffer.from(text)), portable(Buffer.from(text))]).toEqual([expected, expected]);
  });
});
