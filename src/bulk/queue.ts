import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
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
import { untilAborted } from '../calls/abort.js';
import { checkNotify, idleLimit, poolOptions } from '../database/database-pool.js';
import { logOf } from '../settings/logger.js';
import type { Settings } from '../settings/settings-schema.js';
import { type Step, stepNames, type WakeUp, type WakeUpsByStep, wakeUpId } from './steps.js';

const log = logOf('bulk');

/** A dead worker's lock expires after this long at most; then another worker gets its message. */
const lockMs = 10_000;

/** Schema of BullMQ's tables; the pool's search path contains it. */
const schema = 'bullmq';

/** Connections to PostgreSQL: one per listening worker, the others for short statements. */
const connections = stepNames.length + 5;

/** Workers that cannot reach the queue report errors more often than this. */
const errorPauseMs = 15_000;

/** Redis counts as hung after this long. It must exceed the 5 s for which workers wait for messages. */
const redisSilenceMs = 15_000;

const redisOptions: RedisOptions = {
  connectTimeout: 5_000,
  socketTimeout: redisSilenceMs,
  keepAlive: 10_000,
  retryStrategy: (times) => Math.min(200 * times, 3_000),
};

/** Creates the queues and their workers: on PostgreSQL, or on Redis or Valkey if QUEUE_URL is set. */
export class QueueBackend implements OnApplicationShutdown {
  private readonly redisConnections: Redis[] = [];
  private isAway = false;
  private failedMs = Number.NEGATIVE_INFINITY;
  private reason = '';

  private constructor(
    private readonly redisUrl: string | undefined,
    private readonly pool: pg.Pool | undefined,
  ) {
    setDefaultBackendFactory(pool && createPostgresBackend);
  }

  /** Opens the queue. `databaseUrl` must not lead to a pooler in transaction mode. Rejects if the database cannot hold a queue. */
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
      // Steps are idempotent and check their row first, so a message may be taken over any number of times.
      maxStalledCount: 1_000_000,
    } as WorkerOptions);
    worker.on('error', (error) => this.noteError(step, error));
    worker.on('active', () => this.noteSuccess());
    worker.on('ready', () => this.noteSuccess());
    worker.on('failed', (_, error) =>
      log.warn({ step, error: String(error) }, 'cannot lease a row now; the reconciler will wake the step again'),
    );
    return worker;
  }

  /** Why the workers cannot reach the queue; undefined if they can. Jobs continue without it, more slowly. */
  trouble(): string | undefined {
    return performance.now() - this.failedMs < errorPauseMs ? this.reason : undefined;
  }

  /** Each worker reports an unreachable queue every few seconds; only the first report is logged as a warning. */
  private noteError(step: Step, error: Error): void {
    // Another worker has taken over the message of a frozen worker.
    const isTakenOver = /^(Lock mismatch|Missing (lock|key))/.test(error.message);
    if (!isTakenOver && this.trouble() === undefined) {
      log.warn({ error: String(error) }, `the queue ${this.name} cannot be reached; jobs continue more slowly`);
      this.isAway = true;
    } else {
      log.debug({ step, error: String(error) }, 'a worker of the queue failed');
    }
    if (isTakenOver) return;
    this.failedMs = performance.now();
    this.reason = `${this.name}: ${error.message}`;
  }

  private noteSuccess(): void {
    if (this.isAway) log.info(`the queue ${this.name} is back`);
    this.isAway = false;
    this.failedMs = Number.NEGATIVE_INFINITY;
  }

  /** Location of the queue for the log, without a password. */
  private get name(): string {
    return this.redisUrl === undefined ? 'on PostgreSQL' : `at ${new URL(this.redisUrl).host} (QUEUE_URL)`;
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
    // As a statement: poolers refuse these settings in the start-up packet.
    onConnect: (client) => client.query(`SET search_path TO ${schema}; SET ${idleLimit}`),
  });
  pool.on('error', (error) => log.debug({ error: String(error) }, 'a connection of the queue broke'));
  // Every queue and worker adds listeners.
  pool.setMaxListeners(0);
  return pool;
}

/** Maximum wait for the queue. */
const maxWaitMs = 5_000;

function withTimeout<T>(work: Promise<T>): Promise<T> {
  return untilAborted(work, AbortSignal.timeout(maxWaitMs));
}

/** Wakes workers. Wake-ups may get lost: the reconciler finds the rows and wakes the workers again. */
@Injectable()
export class WakeUps implements OnApplicationShutdown {
  private readonly queues: Readonly<Record<Step, Queue<WakeUp>>>;

  constructor(private readonly backend: QueueBackend) {
    this.queues = Object.fromEntries(stepNames.map((step) => [step, backend.queue(step)])) as Record<Step, Queue<WakeUp>>;
  }

  /** Adds wake-ups that the queue does not hold yet. Never rejects, and waits only a few seconds for a hung queue. */
  async wake(step: Step, ...wakeUps: readonly WakeUp[]): Promise<void> {
    if (wakeUps.length === 0) return;
    const jobs = wakeUps.map((data) => ({ name: step, data, opts: { jobId: wakeUpId(data) } }));
    await withTimeout(this.queues[step].addBulk(jobs)).catch((error) => {
      // An unreachable queue has already been logged.
      log[this.backend.trouble() ? 'debug' : 'warn'](
        { step, count: wakeUps.length, error: String(error) },
        'wake-ups were lost; the reconciler will restore them',
      );
    });
  }

  /** Why the queue cannot be reached; undefined if it can. */
  trouble(): string | undefined {
    return this.backend.trouble();
  }

  /** Adds the wake-ups of several steps; never rejects. */
  async wakeAll(waking: WakeUpsByStep): Promise<void> {
    await Promise.all(stepNames.map((step) => this.wake(step, ...(waking[step] ?? []))));
  }

  /** Number of wake-ups that wait for a worker, by step, without the steps whose queue does not respond. */
  async depths(): Promise<Partial<Record<Step, number>>> {
    const counts = await Promise.all(stepNames.map((step) => withTimeout(this.queues[step].getWaitingCount()).catch(() => undefined)));
    return Object.fromEntries(stepNames.map((step, index) => [step, counts[index]]).filter(([, count]) => count !== undefined));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(Object.values(this.queues).map((queue) => withTimeout(queue.close()).catch(() => undefined)));
  }
}
