import { createCRC32 } from 'hash-wasm';

/** The response of a remote read is invalid. The message says why, as a clause: `frame 3 has a wrong checksum`. */
export class MalformedAnswerError extends Error {
  override readonly name = 'MalformedAnswerError';
}

/** The Castagnoli polynomial, bits reversed. */
const polynomial = 0x82f63b78;

/** CRC-32C of the bytes: by the processor's instruction if a prebuilt library is available, otherwise in WebAssembly. */
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
/** Maximum bytes of a frame's length, a varint with seven bits per byte: 2^35 exceeds every limit. */
const maxLengthBytes = 5;

export interface FrameHandling {
  /** Returns the buffer for a frame's data. It is reused for the next frame. */
  readonly roomFor: (bytes: number) => Uint8Array;
  /** Called with the data of each complete frame, after their checksum was verified. */
  readonly onFrame: (data: Uint8Array) => void;
  /** Maximum length of a frame. Nothing is allocated for longer ones. */
  readonly maxBytes: number;
}

/**
 * Splits the stream of a remote read into frames (Prometheus: storage/remote/chunked.go). Each frame is the length of its data as an
 * unsigned varint, their CRC-32C in four bytes (big-endian), and the data. Throws a MalformedAnswerError, or what `onFrame` throws.
 */
export class FrameReader {
  private readonly header = new Uint8Array(maxLengthBytes + checksumBytes);
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

  /** Call after the last bytes. Throws a MalformedAnswerError if the last frame is incomplete. */
  end(): void {
    if (this.room || this.headerBytes > 0) throw new MalformedAnswerError(`the response was cut off inside frame ${this.number}`);
  }

  /** Undefined while the header is incomplete. */
  private roomForFrame(): Uint8Array | undefined {
    const { roomFor, maxBytes } = this.handling;
    const length = frameLength(this.header, this.headerBytes, this.number);
    if (length === undefined) return undefined;
    if (length > maxBytes) throw new MalformedAnswerError(`frame ${this.number} has ${length} bytes, more than the limit of ${maxBytes}`);
    return roomFor(length);
  }

  private finishFrame(data: Uint8Array): void {
    const checksum = new DataView(this.header.buffer).getUint32(this.headerBytes - checksumBytes);
    if (crc32c(data) !== checksum) throw new MalformedAnswerError(`frame ${this.number} has a wrong checksum`);
    this.number++;
    this.room = undefined;
    this.headerBytes = 0;
    this.filled = 0;
    this.handling.onFrame(data);
  }
}

/** The frame's length from the first `headerBytes` of its header; undefined while the header is incomplete. */
function frameLength(header: Uint8Array, headerBytes: number, number: number): number | undefined {
  let length = 0;
  for (let i = 0; i < headerBytes; i++) {
    length += (header[i]! & 0x7f) * 2 ** (7 * i);
    if (header[i]! < 0x80) return headerBytes === i + 1 + checksumBytes ? length : undefined;
    if (i + 1 === maxLengthBytes) throw new MalformedAnswerError(`frame ${number} has an invalid length`);
  }
  return undefined;
}
