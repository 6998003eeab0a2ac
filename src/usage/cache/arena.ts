export const firstBytes = 1024 * 1024;

/** Of one thread: one shard is read while windows of another are written. */
export const mostIdle = 2;

export const mostIdleBytes = 16 * 1024 * 1024;

export const idle: Arena[] = [];

/** Bytes one behind the other, in memory that is used again: megabytes a shard would otherwise be left to the garbage collector. */
export class Arena {
  private memory = Buffer.allocUnsafeSlow(firstBytes);
  private used = 0;

  /** An arena without bytes; give it back. */
  static take(): Arena {
    return idle.pop() ?? new Arena();
  }

  get length(): number {
    return this.used;
  }

  /** What was appended; as good as its memory until the arena is given back. */
  get bytes(): Buffer {
    return this.memory.subarray(0, this.used);
  }

  append(bytes: Uint8Array): void {
    this.room(bytes.length).set(bytes);
  }

  /** Appends so many bytes, which are whatever they were. */
  room(length: number): Buffer {
    if (this.used + length > this.memory.length) this.grow(this.used + length);
    this.used += length;
    return this.memory.subarray(this.used - length, this.used);
  }

  /** Takes the last so many bytes back. */
  drop(length: number): void {
    this.used -= length;
  }

  /** Nobody may look at the bytes any more. */
  give(): void {
    this.used = 0;
    if (idle.length < mostIdle && this.memory.length <= mostIdleBytes) idle.push(this);
  }

  private grow(least: number): void {
    const { bytes } = this;
    this.memory = Buffer.allocUnsafeSlow(Math.max(least, 2 * this.memory.length));
    bytes.copy(this.memory);
  }
}
