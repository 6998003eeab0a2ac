/** SQLSTATE classes by which the server tells about itself, not about our statement (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const ofTheServer = [
  /^08/, // connection exceptions
  /^28/, // the login is refused: a password that is being changed
  /^3D000$/, // no such database: it is being restored
  /^57P/, // operator intervention: shutdown, crash, cannot connect now, database dropped
  /^57014$/, // query cancelled, a statement time-out
  /^53/, // insufficient resources: disk full, out of memory, too many connections
  /^58/, // system errors: I/O, missing files
  /^40/, // transaction rollback: serialization failure, deadlock
  /^55P03$/, // lock not available
  /^25P0[34]$/, // a transaction that was idle for too long
  /^25006$/, // read-only: a standby during a fail-over
  /^XX00[12]$/, // corrupted data or index
];

const ofTheSocket = /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** What pg, its pool and TypeORM say without a code. */
const messages =
  /Connection terminated|timeout expired|timeout exceeded when trying to connect|Query read timeout|not queryable|Client was closed|Called end on pool|after calling end on the pool|[Dd]river not Connected|[Qq]uery ?[Rr]unner (is|was)? ?(already )?released|is not established|Connection ended unexpectedly/;

/**
 * Whether PostgreSQL failed, not our statement: the connection, the server, its disk. The same may succeed later. Errors of other servers have classes of
 * their own and must be looked at before: a socket's code does not tell whose it is.
 */
export function isDatabaseAway(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = driverErrorOf(at) ?? at.cause, depth++) {
    const { code, message } = at as Error & { code?: unknown };
    if (typeof code === 'string' && (ofTheSocket.test(code) || ofTheServer.some((sqlState) => sqlState.test(code)))) return true;
    if (messages.test(message)) return true;
    if (at instanceof AggregateError && at.errors.some(isDatabaseAway)) return true;
  }
  return false;
}

/** A failure to connect, with the server's address in it, and without its password. */
export function connectFailure(url: string, cause: unknown): Error {
  const { host, pathname } = new URL(url);
  // Of several addresses that are tried at once, the error has no message of its own.
  const { message, code } = cause as Error & { code?: string };
  return new Error(`PostgreSQL at ${host}${pathname} cannot be used: ${message || code}. Check it and DATABASE_URL.`, { cause });
}

function driverErrorOf(error: Error): Error | undefined {
  return (error as { driverError?: Error }).driverError;
}

/** Whether PostgreSQL takes a text as `text` and inside `jsonb`: it takes neither U+0000 nor half a surrogate pair. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** The value with U+FFFD in place of what PostgreSQL does not take, in texts at every depth; names of members stay. */
export function storable<T>(value: T): T {
  if (typeof value === 'string') return (isStorable(value) ? value : value.toWellFormed().replaceAll('\0', '\uFFFD')) as T;
  if (Array.isArray(value)) return value.map(storable) as T;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, storable(member)])) as T;
}
