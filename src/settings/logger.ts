import type { LoggerService } from '@nestjs/common';
import pino from 'pino';

/** The process's log: JSON lines on stderr, so that stdout stays free for answers of the command line. */
export const logger = pino(
  { base: undefined, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
  pino.destination({ dest: 2, sync: true }),
);

/** A log whose lines name the folder that wrote them; its level follows `logger.level`, whenever that is set. */
export function logOf(folder: string): Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error'> {
  const to = (level: 'debug' | 'info' | 'warn' | 'error') => (first: unknown, text?: string) => {
    const fields = typeof first === 'string' ? { folder } : { folder, ...(first as object) };
    logger[level](fields, typeof first === 'string' ? first : text);
  };
  return { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') } as ReturnType<typeof logOf>;
}

/** Nest's own messages. Start-up messages are debug; so are errors before `isStarted`, because they are thrown as well. */
export class NestLogger implements LoggerService {
  isStarted = false;
  log = (message: unknown) => logger.debug({ folder: 'nest' }, String(message));
  debug = this.log;
  verbose = this.log;
  warn = (message: unknown) => logger.warn({ folder: 'nest' }, String(message));
  error = (message: unknown, stack?: unknown) => logger[this.isStarted ? 'error' : 'debug']({ folder: 'nest', stack }, String(message));
  fatal = this.error;
}
