/** SQLSTATE codes that mean a problem of the server, not of the statement (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const serverStates = [
  /^08/, // connection exceptions
  /^28/, // invalid login: a password that is being changed
  /^3D000$/, // no such database: it is being restored
  /^57P/, // operator intervention: shutdown, crash, cannot connect now, database dropped
  /^57014$/, // query canceled: a statement timeout
  /^53/, // insufficient resources: disk full, out of memory, too many connections
  /^58/, // system errors: I/O, missing files
  /^40/, // transaction rollback: serialization failure, deadlock
  /^55P03$/, // lock not available
  /^25P0[34]$/, // a transaction that was idle for too long
  /^25006$/, // read-only: a standby during a fail-over
  /^XX00[12]$/, // corrupted data or index
];

const socketCodes = /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** Messages of pg, its pool and TypeORM for connection errors without a code. */
const connectionMessages =
  /Connection terminated|timeout expired|timeout exceeded when trying to connect|Query read timeout|not queryable|Client was closed|Called end on pool|after calling end on the pool|[Dd]river not Connected|[Qq]uery ?[Rr]unner (is|was)? ?(already )?released|is not established|Connection ended unexpectedly/;

/**
 * Whether PostgreSQL failed (connection, server or disk) rather than the statement, so that a retry may succeed. Check for the error classes of
 * other servers first: the code of a socket error does not say which server it came from.
 */
export function isDatabaseAway(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = driverErrorOf(current) ?? current.cause, depth++) {
    const { code, message } = current as Error & { code?: unknown };
    if (typeof code === 'string' && (socketCodes.test(code) || serverStates.some((sqlState) => sqlState.test(code)))) return true;
    if (connectionMessages.test(message)) return true;
    if (current instanceof AggregateError && current.errors.some(isDatabaseAway)) return true;
  }
  return false;
}

/** Returns a connection error that names the server's address, without the password, and the setting that the address is from. */
export function connectFailure(url: string, cause: unknown, setting = 'DATABASE_URL'): Error {
  const { host, pathname } = new URL(url);
  // If Node tried several addresses, the error has only a code.
  const { message, code } = cause as Error & { code?: string };
  return new Error(`PostgreSQL at ${host}${pathname} cannot be used: ${message || code}. Check it and ${setting}.`, { cause });
}

function driverErrorOf(error: Error): Error | undefined {
  return (error as { driverError?: Error }).driverError;
}

/** Whether PostgreSQL accepts a string as `text` and in `jsonb`: it rejects U+0000 and unpaired surrogates. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** Replaces the characters that PostgreSQL rejects with U+FFFD, in strings at any depth. Member names are unchanged. */
export function storable<T>(value: T): T {
  if (typeof value === 'string') return (isStorable(value) ? value : value.toWellFormed().replaceAll('\0', '\uFFFD')) as T;
  if (Array.isArray(value)) return value.map(storable) as T;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, storable(member)])) as T;
}
