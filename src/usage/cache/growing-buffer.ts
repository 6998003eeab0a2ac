const firstBytes = 256 * 1024;

/**
 * Bytes that are appended one after the other. The memory is shared between threads, and V8 does not count it as garbage to be collected: buffers that are
 * transferred instead cost a fifth more CPU of a job, all of it garbage collections (docs/decisions/0017).
 */
export class GrowingBuffer {
  private memory: Buffer<SharedArrayBuffer>;
  private used = 0;

  /** `memory` is used until it is full; its content is lost. */
  constructor(memory = new SharedArrayBuffer(firstBytes)) {
    this.memory = Buffer.from(memory);
  }

  get length(): number {
    return this.used;
  }

  /** Everything that was appended. It shares the buffer's memory. */
  get bytes(): Buffer<SharedArrayBuffer> {
    return this.memory.subarray(0, this.used);
  }

  append(bytes: Uint8Array): void {
    this.room(bytes.length).set(bytes);
  }

  /** Appends `length` bytes, and returns them to be written. Their content is undefined. */
  room(length: number): Buffer {
    if (this.used + length > this.memory.length) this.grow(this.used + length);
    this.used += length;
    return this.memory.subarray(this.used - length, this.used);
  }

  /** Takes the last bytes back. */
  drop(length: number): void {
    this.used -= length;
  }

  /** The memory is used again: what `bytes` and `room` returned is lost. */
  clear(): void {
    this.used = 0;
  }

  private grow(minimum: number): void {
    const { bytes } = this;
    this.memory = Buffer.from(new SharedArrayBuffer(Math.max(minimum, 2 * this.memory.length)));
    bytes.copy(this.memory);
  }
}
