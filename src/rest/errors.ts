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
import { RejectedRequest } from '../bulk/rejected-request.js';
import { isDatabaseAway } from '../database/database-error.js';
import { logOf } from '../settings/logger.js';

const log = logOf('bulk');

/** Gives every error answer Kruize's envelope `{message, httpcode, documentationLink, status}` (spec: bulk-and-kafka.md 0). */
@Catch()
export class ErrorEnvelopeFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const { status, message } = describe(error);
    if (answeredLate.has(response)) {
      log.debug({ error: String(error) }, 'a request that was given up ended');
      return;
    }
    if (status >= 500) log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a request failed');
    if (response.headersSent) {
      if (!response.writableEnded) response.destroy();
      return;
    }
    sendError(response, status, message);
  }
}

/** Callers of a request that met a fault which passes by itself are told to try again after so many seconds. */
export const retryAfterSeconds = 5;

/** No request waits longer for an answer. */
const patienceMs = 9_000;

/** Responses that got their 503 while the request was still being handled. Its later answer or error is dropped. */
const answeredLate = new WeakSet<Response>();

/** Express middleware: answers 503 where a request has no answer in time, because the database hangs. An answer that has begun may take its time. */
export function answerInTime(_: Request, response: Response, next: NextFunction): void {
  const message = 'No answer in time. Please try again later; with a requestId, a job that was stored is not made twice.';
  const timer = setTimeout(() => {
    if (response.headersSent) return;
    answeredLate.add(response);
    sendError(response, 503, message);
  }, patienceMs);
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

/** Bytes of the longest message, as JSON. */
const longestMessage = 9_000;

/** The message, cut where it would make the answer longer than 10 kB. */
function shortened(message: string): string {
  let text = message.slice(0, longestMessage);
  while (Buffer.byteLength(JSON.stringify(text)) > longestMessage) text = text.slice(0, text.length / 2);
  return text.length < message.length ? `${text}…` : text;
}

function describe(error: unknown): { status: number; message: string } {
  if (error instanceof RejectedRequest) return { status: error.status, message: error.message };
  if (error instanceof NotFoundException) return { status: 404, message: 'Not Found' };
  if (error instanceof HttpException) return { status: error.getStatus(), message: error.message };
  // body-parser's errors: a body too large, a broken encoding.
  const { status, message, type } = error as { status?: number; message?: string; type?: string };
  if (typeof type === 'string' && typeof status === 'number') return { status, message: `The body cannot be read: ${message}` };
  if (isDatabaseAway(error)) return { status: 503, message: 'The database cannot be reached; nothing was stored. Please try again later.' };
  return { status: 500, message: 'Internal Server Error' };
}

/** How deep values may stand in each other, how many there may be, and how many with a name: lists of thousands fit, what would hold the process does not. */
export const jsonBounds = { depth: 32, members: 50_000, named: 10_000 } as const;

/** The JSON value of a request's body; `undefined` for an empty one. Text that is no JSON, or too much of it, is a 400 that says what is wrong. */
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

/** Looks through the text once, before anything is built of it. */
function checkBounds(text: string): void {
  let [depth, members, named] = [0, 0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfText(text, at);
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

/** Position of the quote that ends the text which begins at `start`; the body's length where none does. */
function endOfText(body: string, start: number): number {
  for (let end = body.indexOf('"', start + 1); end !== -1; end = body.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (body.charCodeAt(end - 1 - backslashes) === backslash) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return body.length;
}
