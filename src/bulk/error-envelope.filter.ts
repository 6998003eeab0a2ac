import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, NotFoundException } from '@nestjs/common';
import type { Response } from 'express';
import { logOf } from '../settings/logger.js';
import { RejectedRequest } from './submit-job.js';

const log = logOf('bulk');

/** Gives every error answer Kruize's envelope `{message, httpcode, documentationLink, status}` (spec: bulk-and-kafka.md 0). */
@Catch()
export class ErrorEnvelopeFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const { status, message } = describe(error);
    if (status >= 500) log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a request failed');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response
      .status(status)
      .type('application/json;charset=utf-8')
      .send(JSON.stringify({ message, httpcode: status, documentationLink: '', status: 'ERROR' }));
  }
}

function describe(error: unknown): { status: number; message: string } {
  if (error instanceof RejectedRequest) return { status: error.status, message: error.message };
  if (error instanceof NotFoundException) return { status: 404, message: 'Not Found' };
  if (error instanceof HttpException) return { status: error.getStatus(), message: error.message };
  // body-parser's errors: a body too large, a broken encoding.
  const { status, message, type } = error as { status?: number; message?: string; type?: string };
  if (typeof type === 'string' && typeof status === 'number') return { status, message: `The body cannot be read: ${message}` };
  if (isDatabaseDown(error)) return { status: 503, message: 'The database cannot be reached; nothing was stored. Please try again later.' };
  return { status: 500, message: 'Internal Server Error' };
}

/** Connection failures of the driver: codes of the socket, SQLSTATE classes 08 and 57P, pool time-outs. */
function isDatabaseDown(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return (
    /^(ECONN|EPIPE|ETIMEDOUT|08|57P)/.test(code ?? '') ||
    /Connection terminated|timeout exceeded when trying to connect/.test(message ?? '')
  );
}
