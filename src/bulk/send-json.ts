import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';

/** Sends JSON text part by part, as fast as the caller takes it. One that fails in its middle is cut, never closed as if it were whole. */
export async function sendJson(response: Response, parts: AsyncIterable<string> | Iterable<string>): Promise<void> {
  response.type('application/json;charset=utf-8');
  await pipeline(Readable.from(parts), response).catch((error: NodeJS.ErrnoException) => {
    // A caller that has gone needs no more.
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}
