import { createCRC32 } from 'hash-wasm';

/** The bytes are no good answer of a remote read; the message says what of it, as a clause: `frame 3 has a wrong checksum`. */
export class MalformedAnswerError extends Error {
  override readonly name = 'MalformedAnswerError';
}

/** The Castagnoli polynomial, bits reversed. */
const polynomial = 0x82f63b78;

/** CRC-32C of the bytes: with the processor's own instruction where a prebuilt library has it, else in WebAssembly. */
export const crc32c: (bytes: Uint8Array) => number = await loadNative().catch(loadPortable);

async function loadNative(): Promise<typeof crc32c> {
  const native = await import('@node-rs/crc32');
  return (bytes) => native.crc32c(bytes as Buffer);
}

/** Exported for its test. */
export async function loadPortable(): Promise<typeof crc32c> {
  const hasher = await createCRC32(polynomial);
  return (bytes) => Number.parseInt(hasher.init().update(bytes).digest('hex'), 16);
}

const checksumBytes = 4;
/** A frame's length, seven bits a byte, in at most this many: 2^35 is over any limit. */
const longestLength = 5;

export interface FrameHandling {
  /** Gives the place that a frame's data are copied to; it is used again for the next frame. */
  readonly roomFor: (bytes: number) => Uint8Array;
  /** Takes a frame's data when they are whole and their checksum is right. */
  readonly onFrame: (data: Uint8Array) => void;
  /** No room is taken for longer frames. */
  readonly mostBytes: number;
}

/**
 * Cuts a streamed remote read into its frames as its bytes come (storage/remote/chunked.go): the length as uvarint, the CRC-32C of the data in four bytes,
 * big-endian, the data. Throws a MalformedAnswerError, or what `onFrame` throws.
 */
export class FrameReader {
  private readonly header = new Uint8Array(longestLength + checksumBytes);
  private headerBytes = 0;
  private number = 1;
  private room: Uint8Array | undefined;
  private filled = 0;

  constructor(private readonly handling: FrameHandling) {}

  take(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (!this.room) {
        this.header[this.headerBytes++] = bytes[at++]!;
        this.room = this.roomForFrame();
        if (!this.room) continue;
      }
      const taken = Math.min(bytes.length - at, this.room.length - this.filled);
      this.room.set(bytes.subarray(at, at + taken), this.filled);
      at += taken;
      this.filled += taken;
      if (this.filled === this.room.length) this.finishFrame(this.room);
    }
  }

  /** No more bytes come. */
  end(): void {
    if (this.room || this.headerBytes > 0) throw new MalformedAnswerError(`the answer ends within frame ${this.number}`);
  }

  /** Undefined where the header is not whole. */
  private roomForFrame(): Uint8Array | undefined {
    const { roomFor, mostBytes } = this.handling;
    const length = frameLength(this.header, this.headerBytes, this.number);
    if (length === undefined) return undefined;
    if (length > mostBytes)
      throw new MalformedAnswerError(`frame ${this.number} would have ${length} bytes, over the limit of ${mostBytes}`);
    return roomFor(length);
  }

  private finishFrame(data: Uint8Array): void {
    if (crc32c(data) !== checksumIn(this.header, this.headerBytes))
      throw new MalformedAnswerError(`frame ${this.number} has a wrong checksum`);
    this.number++;
    this.room = undefined;
    this.headerBytes = 0;
    this.filled = 0;
    this.handling.onFrame(data);
  }
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
