import pino from 'pino';

/** The process log: JSON lines on stderr. stdout is for the output of commands. */
export const logger = pino(
  { base: undefined, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
  pino.destination({ dest: 2, sync: true }),
);

/** Returns a log that adds the source folder to each line. Its level follows `logger.level`. */
export function logOf(folder: string): Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error'> {
  const to = (level: 'debug' | 'info' | 'warn' | 'error') => (first: unknown, text?: string) => {
    const fields = typeof first === 'string' ? { folder } : { folder, ...(first as object) };
    logger[level](fields, typeof first === 'string' ? first : text);
  };
  return { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') } as ReturnType<typeof logOf>;
}
