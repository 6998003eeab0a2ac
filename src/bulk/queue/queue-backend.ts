import type { OnApplicationShutdown } from '@nestjs/common';
import {
  createPostgresBackend,
  Queue,
  type QueueOptions,
  runMigrations,
  setDefaultBackendFactory,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import pg from 'pg';
import { checkNotify } from '../../database/check-notify.js';
import { poolOptions } from '../../database/database-pool.js';
import { idleLimit } from '../../database/in-transaction.js';
import { logOf } from '../../settings/logger.js';
import type { Settings } from '../../settings/settings-schema.js';
import { type Step, stepNames, type WakeUp } from './steps.js';

const log = logOf('bulk');

/** A worker's lock outlives it by this long at most; then another worker gets its message. */
const lockMs = 10_000;

/** BullMQ's tables; a pool that is given to it looks for them in this schema. */
const schema = 'bullmq';

/** Connections to PostgreSQL: each worker listens on one, the others are for short statements. */
const connections = stepNames.length + 5;

/** A hung Redis is noticed after this long. Workers wait for messages for up to 5 s at a time, which is no sign of it. */
const redisSilenceMs = 15_000;

const redisOptions: RedisOptions = {
  connectTimeout: 5_000,
  socketTimeout: redisSilenceMs,
  keepAlive: 10_000,
  retryStrategy: (times) => Math.min(200 * times, 3_000),
};

/** Makes the queues and their workers: on PostgreSQL, or on Redis or Valkey where QUEUE_URL says so. */
export class QueueBackend implements OnApplicationShutdown {
  private readonly redisConnections: Redis[] = [];

  private constructor(
    private readonly redisUrl: string | undefined,
    private readonly pool: pg.Pool | undefined,
  ) {
    setDefaultBackendFactory(pool && createPostgresBackend);
  }

  /** Opens the queue; `databaseUrl` is PostgreSQL, not behind a pooler in transaction mode. Rejects where it cannot carry a queue. */
  static async open({ QUEUE_URL }: Settings, databaseUrl: string): Promise<QueueBackend> {
    if (QUEUE_URL) return new QueueBackend(QUEUE_URL, undefined);
    await checkNotify(databaseUrl);
    const pool = poolOf(databaseUrl);
    const client = await pool.connect();
    try {
      await runMigrations(client, schema);
    } finally {
      client.release();
    }
    return new QueueBackend(undefined, pool);
  }

  async onApplicationShutdown(): Promise<void> {
    for (const connection of this.redisConnections) connection.disconnect();
    await Promise.race([this.pool?.end(), new Promise((late) => setTimeout(late, 1_000))]);
  }

  queue(step: Step): Queue<WakeUp> {
    const queue = new Queue<WakeUp>(step, {
      connection: this.connection({ enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: 5_000 }),
      prefix: 'rightsizer',
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    } as QueueOptions);
    queue.on('error', (error) => log.debug({ step, error: String(error) }, 'the queue cannot be reached'));
    return queue;
  }

  worker(step: Step, work: (wakeUp: WakeUp) => Promise<void>, concurrency: number): Worker<WakeUp> {
    const worker = new Worker<WakeUp>(step, (job) => work(job.data), {
      connection: this.connection({ maxRetriesPerRequest: null }),
      prefix: 'rightsizer',
      concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      runRetryDelay: 2_000,
      // A step is idempotent and its row decides whether there is anything to do: it may be taken over any number of times.
      maxStalledCount: 1_000_000,
    } as WorkerOptions);
    worker.on('error', (error) => log.warn({ step, error: String(error) }, 'the queue cannot be reached'));
    worker.on('failed', (_, error) => log.warn({ step, error: String(error) }, 'no row can be leased now; the reconciler will wake again'));
    return worker;
  }

  private connection(options: RedisOptions): pg.Pool | Redis {
    if (this.pool) return this.pool;
    const connection = new Redis(this.redisUrl!, { ...redisOptions, ...options });
    connection.on('error', () => undefined); // BullMQ reports it
    this.redisConnections.push(connection);
    return connection;
  }
}

function poolOf(connectionString: string): pg.Pool {
  const pool = new pg.Pool({
    ...poolOptions,
    connectionString,
    max: connections,
    application_name: 'rightsizer-queue',
    // By a statement, not in the start-up packet, which poolers refuse.
    onConnect: (client) => client.query(`SET search_path TO ${schema}; SET ${idleLimit}`),
  });
  pool.on('error', (error) => log.debug({ error: String(error) }, 'a connection of the queue broke'));
  // Each queue and each worker listens.
  pool.setMaxListeners(0);
  return pool;
}
