import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, NotFoundException } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { isDatabaseAway } from '../database/database-error.js';
import { logOf } from '../settings/logger.js';
import { RejectedRequest } from './submit-job.js';

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
