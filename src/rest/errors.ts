import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Injectable,
  NotFoundException,
  type PipeTransform,
} from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { isDatabaseAway } from '../database/database-error.js';
import { logOf } from '../settings/logger.js';
import { RejectedRequest } from '../sizing/bulk-request.js';

const log = logOf('bulk');

/** Sends every error in Kruize's envelope `{message, httpcode, documentationLink, status}`. */
@Catch()
export class ErrorEnvelopeFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const { status, message } = describe(error);
    if (timedOut.has(response)) {
      log.debug({ error: String(error) }, 'request failed after its timeout response');
      return;
    }
    if (status >= 500) log.error({ error: error instanceof Error ? error.stack : String(error) }, 'request failed');
    if (response.headersSent) {
      if (!response.writableEnded) response.destroy();
      return;
    }
    sendError(response, status, message);
  }
}

/** Value of Retry-After in responses to transient failures, in seconds. */
export const retryAfterSeconds = 5;

/** Maximum time until a response begins. */
const responseTimeoutMs = 9_000;

/** Responses that got a 503 while the request was still being handled. Its later result or error is dropped. */
const timedOut = new WeakSet<Response>();

/** Express middleware: responds with 503 if no response has begun in time, for example because the database hangs. */
export function respondInTime(_: Request, response: Response, next: NextFunction): void {
  const message = 'The request timed out. Please try again later; with a requestId, no job is created twice.';
  const timer = setTimeout(() => {
    if (response.headersSent) return;
    timedOut.add(response);
    sendError(response, 503, message);
  }, responseTimeoutMs);
  response.once('close', () => clearTimeout(timer));
  next();
}

function sendError(response: Response, status: number, message: string): void {
  if (status === 503) response.setHeader('Retry-After', retryAfterSeconds);
  response
    .status(status)
    .type('application/json;charset=utf-8')
    .send(JSON.stringify({ message: shortened(message), httpcode: status, documentationLink: '', status: 'ERROR' }));
}

/** Maximum bytes of a message, as JSON. */
const maxMessageBytes = 9_000;

/** Shortens a message so that the response stays below 10 kB. */
function shortened(message: string): string {
  let text = message.slice(0, maxMessageBytes);
  while (Buffer.byteLength(JSON.stringify(text)) > maxMessageBytes) text = text.slice(0, text.length / 2);
  return text.length < message.length ? `${text}…` : text;
}

function describe(error: unknown): { status: number; message: string } {
  if (error instanceof RejectedRequest) return { status: error.status, message: error.message };
  if (error instanceof NotFoundException) return { status: 404, message: 'Not Found' };
  if (error instanceof HttpException) return { status: error.getStatus(), message: error.message };
  // Errors of body-parser: body too large, invalid encoding.
  const { status, message, type } = error as { status?: number; message?: string; type?: string };
  if (typeof type === 'string' && typeof status === 'number') return { status, message: `The body cannot be read: ${message}` };
  if (isDatabaseAway(error)) return { status: 503, message: 'The database cannot be reached; nothing was stored. Please try again later.' };
  return { status: 500, message: 'Internal Server Error' };
}

/** Limits of a JSON body: nesting depth, number of members, number of named members. They allow lists of thousands of items, but nothing that blocks the process. */
export const jsonBounds = { depth: 32, members: 50_000, named: 10_000 } as const;

/** Parses a request body as JSON; `undefined` if it is empty. Throws a 400 if it is not JSON or exceeds `jsonBounds`. */
@Injectable()
export class JsonBodyPipe implements PipeTransform<unknown, unknown> {
  transform(body: unknown): unknown {
    if (typeof body !== 'string' || body.trim() === '') return undefined;
    checkBounds(body);
    try {
      return JSON.parse(body);
    } catch (error) {
      throw new RejectedRequest(400, `The body is not JSON: ${(error as Error).message}`);
    }
  }
}

const [quote, comma, colon, backslash] = [0x22, 0x2c, 0x3a, 0x5c];
/** `[` and `{`, `]` and `}`. */
const [openList, openObject, closeList, closeObject] = [0x5b, 0x7b, 0x5d, 0x7d];

/** Checks the limits in one pass over the text, before it is parsed. */
function checkBounds(text: string): void {
  let [depth, members, named] = [0, 0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (code === comma) members++;
    else if (code === colon) named++;
    else if (code === openList || code === openObject) depth++;
    else if (code === closeList || code === closeObject) depth--;
    if (depth > jsonBounds.depth)
      throw new RejectedRequest(400, `The body is nested deeper than ${jsonBounds.depth} levels, at position ${at}`);
    if (named > jsonBounds.named)
      throw new RejectedRequest(400, `The body has more than ${jsonBounds.named} named members, at position ${at}`);
    if (members > jsonBounds.members)
      throw new RejectedRequest(400, `The body has more than ${jsonBounds.members} members, at position ${at}`);
  }
}

/** Returns the position of the quote that closes the string at `start`; the body's length if there is none. */
function endOfString(body: string, start: number): number {
  for (let end = body.indexOf('"', start + 1); end !== -1; end = body.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (body.charCodeAt(end - 1 - backslashes) === backslash) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return body.length;
}
