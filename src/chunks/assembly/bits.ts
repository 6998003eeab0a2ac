function loadBigEndian(at: usize): u64 {
  const bytes = v128.load64_zero(at);
  // One instruction, where bswap would be nine.
  return v128.extract_lane<u64>(v128.shuffle<i8>(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0);
}

/** The bits from bit position `bit` on, at the top of the word; the first 57 of them are good. Reads 8 bytes. */
export function peek57(bit: usize): u64 {
  return loadBigEndian(bit >> 3) << (bit & 7);
}

/** The 64 bits from bit position `bit` on. Reads 9 bytes. */
export function peek64(bit: usize): u64 {
  const at = bit >> 3;
  const shift = bit & 7;
  return (loadBigEndian(at) << shift) | (u64(load<u8>(at + 8)) >> (8 - shift));
}

/** A number of `width` bits that stands for a difference: 1 - 2^(width-1) to 2^(width-1) (tsdb/docs/bstream.md: the range is not two's complement's). */
export function signedBits(bits: u64, width: u64): i64 {
  return i64(bits) - (bits > (1 as u64) << (width - 1) ? i64(1) << width : 0);
}
