export const firstBytes = 256 * 1024;

/** Bytes that are appended one after the other. */
export class GrowingBuffer {
  private memory = Buffer.allocUnsafeSlow(firstBytes);
  private used = 0;

  get length(): number {
    return this.used;
  }

  /** Everything that was appended. It shares the buffer's memory. */
  get bytes(): Buffer {
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
    this.memory = Buffer.allocUnsafeSlow(Math.max(minimum, 2 * this.memory.length));
    bytes.copy(this.memory);
  }
}
