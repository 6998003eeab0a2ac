import { encodeFrame } from '../../test/chunks/encode-answer.js';
import { crc32c, FrameReader, loadPortable } from './frames.js';

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

const datas = ['first', 'x'.repeat(300), '', 'last'].map((text) => Buffer.from(text));
const whole = Buffer.concat(datas.map((data) => encodeFrame(data)));

function framesOf(bytes: Uint8Array, size: number, rooms: number[] = []): string[] {
  const found: string[] = [];
  const roomFor = (length: number) => {
    rooms.push(length);
    return Buffer.alloc(length);
  };
  const reader = new FrameReader({ roomFor, onFrame: (data) => found.push(data.toString()), mostBytes: 1000 });
  for (let at = 0; at < bytes.length; at += size) reader.take(bytes.subarray(at, at + size));
  reader.end();
  return found;
}

const page = Buffer.from('<!DOCTYPE html><html><body>Please log in to go on. There is nothing here but text.</body></html>');

describe('FrameReader', () => {
  it.each([1, 2, 3, 7, 64, 1000])('gives the frames of an answer that arrives in pieces of %d bytes', (size) => {
    expect(framesOf(whole, size)).toEqual(datas.map(String));
  });

  it.each<[string, Buffer, string]>([
    ['a wrong checksum', Buffer.concat([encodeFrame(datas[0]!), encodeFrame(datas[1]!, 1)]), 'frame 2 has a wrong checksum'],
    ['an answer that ends within a frame', whole.subarray(0, 100), 'the answer ends within frame 2'],
    ['an answer that ends within a length', Buffer.from([0x80]), 'the answer ends within frame 1'],
    ['a length without end', Buffer.alloc(20, 0xff), 'frame 1 has an impossible length'],
    ['a frame over the limit', Buffer.from([0xe9, 7, 0, 0, 0, 0]), 'frame 1 would have 1001 bytes, over the limit of 1000'],
    ['a page', page, 'frame 1 has a wrong checksum'],
  ])('tells %s', (_, bytes, message) => {
    expect(() => framesOf(bytes, 16)).toThrow(expect.objectContaining({ name: 'MalformedAnswerError', message }));
  });

  it('takes no room for a frame of 1 GB', () => {
    const rooms: number[] = [];
    expect(() => framesOf(Buffer.from([0x80, 0x80, 0x80, 0x80, 4, 1, 2, 3, 4, 5]), 16, rooms)).toThrow('1073741824 bytes');
    expect(rooms).toEqual([]);
  });
});
