import { crc32c } from './crc32c.js';
import { MalformedAnswerError } from './malformed-answer-error.js';

const checksumBytes = 4;
/** A frame's length, seven bits a byte, in at most this many: 2^35 is over any limit. */
const longestLength = 5;

/**
 * The frames of a streamed remote read as they arrive (storage/remote/chunked.go): the length as uvarint, the CRC-32C of the data in four bytes,
 * big-endian, the data. `roomFor` gives the place that a frame's data are copied to; it is used again for the next frame. Throws a MalformedAnswerError
 * before any room is taken for a frame over `mostBytes`.
 */
export async function* readFrames(
  body: AsyncIterable<Uint8Array>,
  roomFor: (bytes: number) => Uint8Array,
  mostBytes: number,
): AsyncGenerator<Uint8Array> {
  const header = new Uint8Array(longestLength + checksumBytes);
  let number = 1;
  let headerBytes = 0;
  let room: Uint8Array | undefined;
  let filled = 0;
  for await (const bytes of body) {
    let at = 0;
    while (at < bytes.length) {
      if (!room) {
        header[headerBytes++] = bytes[at++]!;
        const length = frameLength(header, headerBytes, number);
        if (length === undefined) continue;
        if (length > mostBytes)
          throw new MalformedAnswerError(`frame ${number} would have ${length} bytes, over the limit of ${mostBytes}`);
        room = roomFor(length);
        filled = 0;
      }
      const taken = Math.min(bytes.length - at, room.length - filled);
      room.set(bytes.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled < room.length) continue;
      if (crc32c(room) !== checksumIn(header, headerBytes)) throw new MalformedAnswerError(`frame ${number} has a wrong checksum`);
      yield room;
      number++;
      room = undefined;
      headerBytes = 0;
    }
  }
  if (room || headerBytes > 0) throw new MalformedAnswerError(`the answer ends within frame ${number}`);
}

/** The length in a header of so many bytes, or undefined where the header is not whole. */
function frameLength(header: Uint8Array, headerBytes: number, number: number): number | undefined {
  let length = 0;
  for (let i = 0; i < headerBytes; i++) {
    length += (header[i]! & 0x7f) * 2 ** (7 * i);
    if (header[i]! < 0x80) return headerBytes === i + 1 + checksumBytes ? length : undefined;
    if (i + 1 === longestLength) throw new MalformedAnswerError(`frame ${number} has an impossible length`);
  }
  return undefined;
}

function checksumIn(header: Uint8Array, headerBytes: number): number {
  return new DataView(header.buffer).getUint32(headerBytes - checksumBytes);
}
