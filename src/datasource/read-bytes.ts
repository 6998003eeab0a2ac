import type { Readable } from 'node:stream';

/** Reads a body up to `limit` bytes; `isWhole` = false where there was more, which is left unread. */
export async function readBytes(body: Readable, limit: number): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    chunks.push(chunk);
    if (length > limit) return { bytes: Buffer.concat(chunks).subarray(0, limit), isWhole: false };
  }
  return { bytes: Buffer.concat(chunks), isWhole: true };
}
