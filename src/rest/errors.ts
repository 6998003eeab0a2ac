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
import { readJson } from '../sizing/read-json.js';

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

/** Parses a request body as JSON; `undefined` if it is empty. Throws a 400 if it is not JSON or exceeds `jsonBounds`. */
@Injectable()
export class JsonBodyPipe implements PipeTransform<unknown, unknown> {
  transform(body: unknown): unknown {
    return typeof body !== 'string' || body.trim() === '' ? undefined : readJson(body);
  }
}
