import { encodeFrame } from '../../test/chunks/encode-answer.js';
import { crc32c, FrameReader, loadPortable } from './frames.js';

describe('crc32c', () => {
  // Test vectors of RFC 3720 B.4 and the common check value.
  it.each([
    ['123456789', 0xe3069283],
    ['', 0],
    ['\0'.repeat(32), 0x8a9136aa],
  ])('of %j is the same in both libraries', async (text, expected) => {
    const portable = await loadPortable();
    expect([crc32c(Buffer.from(text)), portable(Buffer.from(text))]).toEqual([expected, expected]);
  });
});

const payloads = ['first', 'x'.repeat(300), '', 'last'].map((text) => Buffer.from(text));
const stream = Buffer.concat(payloads.map((data) => encodeFrame(data)));

function framesOf(bytes: Uint8Array, size: number, allocated: number[] = []): string[] {
  const found: string[] = [];
  const roomFor = (length: number) => {
    allocated.push(length);
    return Buffer.alloc(length);
  };
  const reader = new FrameReader({ roomFor, onFrame: (data) => found.push(data.toString()), maxBytes: 1000 });
  for (let at = 0; at < bytes.length; at += size) reader.take(bytes.subarray(at, at + size));
  reader.end();
  return found;
}

const page = Buffer.from('<!DOCTYPE html><html><body>Please log in to go on. There is nothing here but text.</body></html>');

describe('FrameReader', () => {
  it.each([1, 2, 3, 7, 64, 1000])('splits a response that arrives in pieces of %d bytes', (size) => {
    expect(framesOf(stream, size)).toEqual(payloads.map(String));
  });

  it.each<[string, Buffer, string]>([
    ['a wrong checksum', Buffer.concat([encodeFrame(payloads[0]!), encodeFrame(payloads[1]!, 1)]), 'frame 2 has a wrong checksum'],
    ['a response that is cut off inside a frame', stream.subarray(0, 100), 'the response was cut off inside frame 2'],
    ['a response that is cut off inside a length', Buffer.from([0x80]), 'the response was cut off inside frame 1'],
    ['an endless length', Buffer.alloc(20, 0xff), 'frame 1 has an invalid length'],
    ['a frame over the limit', Buffer.from([0xe9, 7, 0, 0, 0, 0]), 'frame 1 has 1001 bytes, more than the limit of 1000'],
    ['an HTML page', page, 'frame 1 has a wrong checksum'],
  ])('rejects %s', (_, bytes, message) => {
    expect(() => framesOf(bytes, 16)).toThrow(expect.objectContaining({ name: 'MalformedAnswerError', message }));
  });

  it('allocates nothing for a frame of 1 GB', () => {
    const allocated: number[] = [];
    expect(() => framesOf(Buffer.from([0x80, 0x80, 0x80, 0x80, 4, 1, 2, 3, 4, 5]), 16, allocated)).toThrow('1073741824 bytes');
    expect(allocated).toEqual([]);
  });
});
