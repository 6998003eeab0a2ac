/** Reads bits, the highest of a byte first. Past the end it gives zeros and `isOver` becomes true. */
export class BitReader {
  private bytes: Uint8Array = new Uint8Array();
  private bit = 0;
  private lastBit = 0;

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.bit = start * 8;
    this.lastBit = end * 8;
  }

  get isOver(): boolean {
    return this.bit > this.lastBit;
  }

  /** An unsigned number of up to 25 bits. */
  read(width: number): number {
    const { bytes, bit } = this;
    const at = bit >> 3;
    this.bit = bit + width;
    if (this.bit > this.lastBit) return 0;
    const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    return (word << (bit & 7)) >>> (32 - width);
  }

  readBit(): number {
    const { bit } = this;
    this.bit = bit + 1;
    return bit < this.lastBit ? (this.bytes[bit >> 3]! >> (7 - (bit & 7))) & 1 : 0;
  }

  /** An unsigned number of up to 32 bits. */
  readWide(width: number): number {
    return width <= 25 ? this.read(width) : this.read(width - 16) * 0x10000 + this.read(16);
  }

  /** A difference of `width` bits: 1 - 2^(width-1) to 2^(width-1) (tsdb/docs/bstream.md). */
  readSigned(width: number): number {
    const bits = this.read(width);
    return bits > 2 ** (width - 1) ? bits - 2 ** width : bits;
  }

  /** A two's complement number of 64 bits; beyond 2^53 not exact. */
  readSigned64(): number {
    const high = this.readWide(32) | 0;
    return high * 2 ** 32 + this.readWide(32);
  }
}
