import { once } from 'node:events';
import pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { connectFailure } from './database-error.js';

/** While a statement runs, a connection without any data for this long counts as dead. */
const silenceMs = 15_000;

/** Maximum wait for a connection: a new one, or a free one of a pool. */
export const connectMs = 5_000;

/**
 * A connection that closes if PostgreSQL sends nothing while a statement runs, as after a network failure or with a hung server. Its statements are
 * rejected and its pool opens a new one. pg's own timeout would leave the dead connection in the pool. Works without server settings, which poolers reject.
 */
export class WatchedClient extends pg.Client {
  private watched: { destroy(error: Error): void } | undefined;

  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('drain', () => this.socket.setTimeout(0));
    // The pool handles the failure. Without a listener, the event would end the process.
    this.on('error', () => undefined);
  }

  // Passes all overloads of pg through.
  override query(...args: unknown[]): never {
    this.watch();
    return (super.query as (...all: unknown[]) => never).apply(this, args);
  }

  private get socket(): import('node:net').Socket {
    return (this as unknown as { connection: { stream: import('node:net').Socket } }).connection.stream;
  }

  private watch(): void {
    const { socket } = this;
    socket.setTimeout(silenceMs);
    if (this.watched === socket) return;
    this.watched = socket;
    socket.on('timeout', () => socket.destroy(new Error(`Connection terminated: PostgreSQL was silent for ${silenceMs} ms`)));
  }
}

/** Pool options with which a pool recovers from any failure of PostgreSQL. */
export const poolOptions = {
  Client: WatchedClient,
  connectionTimeoutMillis: connectMs,
  idleTimeoutMillis: 30_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
} as const;

/** SET argument that limits the time between two statements of a transaction. Without it, a frozen or disconnected process would hold its locks for hours. */
export const idleLimit = `idle_in_transaction_session_timeout = '10s'`;

/** Runs `work` in a transaction. PostgreSQL ends the transaction if it is idle for longer than `idleLimit`. */
export function inTransaction<T>(database: DataSource, work: (transaction: EntityManager) => Promise<T>): Promise<T> {
  return database.transaction(async (transaction) => {
    // LOCAL limits it to this transaction, as poolers in transaction mode require.
    await transaction.query(`SET LOCAL ${idleLimit}`);
    return work(transaction);
  });
}

const channel = 'rightsizer_check';
const arrivalMs = 5_000;

/**
 * Checks that a NOTIFY reaches a LISTEN at this address, which the queue on PostgreSQL needs. This fails behind PgBouncer in transaction mode;
 * the error says what to do.
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
        'A NOTIFY does not reach a LISTEN at DATABASE_URL, which the queue needs: there is probably a pooler in transaction mode in between. ' +
          'Set DATABASE_DIRECT_URL to the address of PostgreSQL itself, or QUEUE_URL to a Redis.',
        { cause },
      );
    });
  } finally {
    await Promise.all([listener!.end(), notifier!.end()]).catch(() => undefined);
  }
}
