/** As much as a shard needs. Memory takes up space only when it is written, so a smaller buffer that grows would cost copies and save nothing. */
const firstBytes = 8 * 1024 * 1024;

/**
 * An append-only buffer in memory that threads share. V8's garbage collector does not track this memory: transferring buffers instead costs 20 % more CPU
 * per job, all of it for garbage collections (docs/decisions/0017).
 */
export class GrowingBuffer {
  private memory: Buffer<SharedArrayBuffer>;
  private used = 0;

  /** Uses `memory` until it is full and overwrites its content. */
  constructor(memory = new SharedArrayBuffer(firstBytes)) {
    this.memory = Buffer.from(memory);
  }

  get length(): number {
    return this.used;
  }

  /** All appended bytes; shares the buffer's memory. */
  get bytes(): Buffer<SharedArrayBuffer> {
    return this.memory.subarray(0, this.used);
  }

  append(bytes: Uint8Array): void {
    this.room(bytes.length).set(bytes);
  }

  /** Appends `length` bytes with undefined content and returns them for writing. */
  room(length: number): Buffer {
    if (this.used + length > this.memory.length) this.grow(this.used + length);
    this.used += length;
    return this.memory.subarray(this.used - length, this.used);
  }

  /** Removes the last `length` bytes. */
  drop(length: number): void {
    this.used -= length;
  }

  /** Empties the buffer. Its memory will be reused: do not read earlier results of `bytes` and `room`. */
  clear(): void {
    this.used = 0;
  }

  private grow(minimum: number): void {
    const { bytes } = this;
    this.memory = Buffer.from(new SharedArrayBuffer(Math.max(minimum, 2 * this.memory.length)));
    bytes.copy(this.memory);
  }
}
