import pino from 'pino';

/** The process's log: JSON lines on stderr, so that stdout stays free for answers of the command line. */
export const logger = pino({ base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: false }));

/** A log whose lines name the folder that wrote them. */
export function logOf(folder: string): pino.Logger {
  return logger.child({ folder });
}
