import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';

/**
 * Sends JSON text part by part, as fast as the caller takes it. It rejects where the first part fails, so that there is still an error answer; an answer that
 * fails later is cut, never closed as if it were whole.
 */
export async function sendJson(response: Response, parts: AsyncIterable<string> | Iterable<string>): Promise<void> {
  const body = Readable.from(parts);
  await once(body, 'readable');
  // The request was given up while the first part was read.
  if (response.headersSent) {
    body.destroy();
    return;
  }
  response.type('application/json;charset=utf-8');
  await pipeline(body, response).catch((error: NodeJS.ErrnoException) => {
    // A caller that has gone needs no more.
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}
