import { encodeFrame } from '../../../test/chunks/encode-answer.js';
import { readFrames } from './read-frames.js';

const datas = ['first', 'x'.repeat(300), '', 'last'].map((text) => Buffer.from(text));
const whole = Buffer.concat(datas.map((data) => encodeFrame(data)));

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function framesOf(bytes: Uint8Array, size: number, rooms: number[] = []): Promise<string[]> {
  const found: string[] = [];
  const roomFor = (length: number) => {
    rooms.push(length);
    return Buffer.alloc(length);
  };
  for await (const frame of readFrames(inPieces(bytes, size), roomFor, 1000)) found.push(frame.toString());
  return found;
}

const page = Buffer.from('<!DOCTYPE html><html><body>Please log in to go on. There is nothing here but text.</body></html>');

describe('readFrames', () => {
  it.each([1, 2, 3, 7, 64, 1000])('gives the frames of an answer that arrives in pieces of %d bytes', async (size) => {
    expect(await framesOf(whole, size)).toEqual(datas.map(String));
  });

  it.each<[string, Buffer, string]>([
    ['a wrong checksum', Buffer.concat([encodeFrame(datas[0]!), encodeFrame(datas[1]!, 1)]), 'frame 2 has a wrong checksum'],
    ['an answer that ends within a frame', whole.subarray(0, 100), 'the answer ends within frame 2'],
    ['an answer that ends within a length', Buffer.from([0x80]), 'the answer ends within frame 1'],
    ['a length without end', Buffer.alloc(20, 0xff), 'frame 1 has an impossible length'],
    ['a frame over the limit', Buffer.from([0xe9, 7, 0, 0, 0, 0]), 'frame 1 would have 1001 bytes, over the limit of 1000'],
    ['a page', page, 'frame 1 has a wrong checksum'],
  ])('tells %s', async (_, bytes, message) => {
    await expect(framesOf(bytes, 16)).rejects.toMatchObject({ name: 'MalformedAnswerError', message });
  });

  it('takes no room for a frame of 1 GB', async () => {
    const rooms: number[] = [];
    await expect(framesOf(Buffer.from([0x80, 0x80, 0x80, 0x80, 4, 1, 2, 3, 4, 5]), 16, rooms)).rejects.toThrow('1073741824 bytes');
    expect(rooms).toEqual([]);
  });
});
