import { once } from 'node:events';
import pg from 'pg';
import { connectFailure } from './database-error.js';
import { connectMs } from './database-pool.js';

const channel = 'rightsizer_check';
const arrivalMs = 5_000;

/**
 * Sees that a NOTIFY reaches a LISTEN at this address, as the queue on PostgreSQL needs it. Behind PgBouncer in transaction mode it does not: then this throws
 * an Error that says what to do.
 */
export async function checkNotify(url: string): Promise<void> {
  const [listener, notifier] = [0, 1].map(
    () => new pg.Client({ connectionString: url, connectionTimeoutMillis: connectMs, query_timeout: arrivalMs }),
  );
  try {
    await Promise.all([listener!.connect(), notifier!.connect()]).catch((cause) => {
      throw connectFailure(url, cause);
    });
    const arrival = once(listener!, 'notification', { signal: AbortSignal.timeout(arrivalMs) });
    arrival.catch(() => undefined);
    await listener!.query(`LISTEN ${channel}`);
    await notifier!.query(`NOTIFY ${channel}`);
    await arrival.catch((cause) => {
      throw new Error(
        'A NOTIFY does not reach a LISTEN at DATABASE_URL, which the queue needs: a pooler in transaction mode stands before PostgreSQL. ' +
          'Set DATABASE_DIRECT_URL to the address of PostgreSQL itself, or QUEUE_URL to a Redis.',
        { cause },
      );
    });
  } finally {
    await Promise.all([listener!.end(), notifier!.end()]).catch(() => undefined);
  }
}
