import { createCRC32 } from 'hash-wasm';

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
