import pg from 'pg';

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
