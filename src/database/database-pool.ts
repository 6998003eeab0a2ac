import { once } from 'node:events';
import pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { connectFailure } from './database-error.js';

/** PostgreSQL has so long for the next sign of life while it has a statement to work on; then the connection counts as dead. */
const silenceMs = 15_000;

/** Longest wait for a connection: a new one, or a free one of a pool. */
export const connectMs = 5_000;

/**
 * A connection that ends when PostgreSQL falls silent over a statement, as behind a cut network or a hung server: its statements are then rejected, and its
 * pool makes a new one. A time-out of pg's own leaves the connection in its pool, waiting for ever. Nothing is set on the server, so that poolers allow it.
 */
export class WatchedClient extends pg.Client {
  private watched: { destroy(error: Error): void } | undefined;

  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('drain', () => this.socket.setTimeout(0));
    // Its statements are rejected and its pool lets it go; without a listener, the event would end the process.
    this.on('error', () => undefined);
  }

  // The many overloads of pg are passed through as they are.
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

/** Options of a pool of connections that come back by themselves, whatever happens to PostgreSQL. */
export const poolOptions = {
  Client: WatchedClient,
  connectionTimeoutMillis: connectMs,
  idleTimeoutMillis: 30_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
} as const;

/** How long a transaction may be without a statement, as SET takes it. A frozen or cut-off process would keep its locks for hours. */
export const idleLimit = `idle_in_transaction_session_timeout = '10s'`;

/** Runs statements as one transaction, which PostgreSQL ends when it is idle for longer than `idleLimit`. */
export function inTransaction<T>(database: DataSource, work: (transaction: EntityManager) => Promise<T>): Promise<T> {
  return database.transaction(async (transaction) => {
    // For this transaction alone, so that poolers in transaction mode allow it.
    await transaction.query(`SET LOCAL ${idleLimit}`);
    return work(transaction);
  });
}

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
