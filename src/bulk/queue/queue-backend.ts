import { createPostgresBackend, Queue, type QueueOptions, setDefaultBackendFactory, Worker, type WorkerOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { logOf } from '../../settings/logger.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { Step, WakeUp } from './steps.js';

const log = logOf('bulk');

/** A worker's lock outlives it by this long at most; then another worker takes its step. */
const lockMs = 10_000;

/** Makes the queues and their workers: on PostgreSQL, or on Redis or Valkey where QUEUE_URL says so. */
export class QueueBackend {
  private readonly redisUrl: string | undefined;
  private readonly redisConnections: Redis[] = [];

  constructor(
    settings: Settings,
    private readonly databaseUrl: string,
  ) {
    this.redisUrl = settings.QUEUE_URL;
    setDefaultBackendFactory(this.redisUrl ? undefined : createPostgresBackend);
  }

  queue(step: Step): Queue<WakeUp> {
    const queue = new Queue<WakeUp>(step, {
      ...this.connection({ enableOfflineQueue: false, maxRetriesPerRequest: 1 }),
      prefix: 'rightsizer',
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    } as QueueOptions);
    queue.on('error', (error) => log.warn({ step, error: String(error) }, 'the queue cannot be reached'));
    return queue;
  }

  worker(step: Step, work: (wakeUp: WakeUp) => Promise<void>, concurrency: number): Worker<WakeUp> {
    const worker = new Worker<WakeUp>(step, (job) => work(job.data), {
      ...this.connection({ maxRetriesPerRequest: null }),
      prefix: 'rightsizer',
      concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      // A step is idempotent and its row decides whether there is anything to do: it may be taken over any number of times.
      maxStalledCount: 1_000_000,
    } as WorkerOptions);
    worker.on('error', (error) => log.warn({ step, error: String(error) }, 'the queue cannot be reached'));
    worker.on('failed', (job, error) => log.error({ step, ...job?.data, error: error.stack }, 'a step failed; it will be tried again'));
    return worker;
  }

  close(): void {
    for (const connection of this.redisConnections) connection.disconnect();
  }

  private connection(redisOptions: { maxRetriesPerRequest: number | null; enableOfflineQueue?: boolean }): object {
    if (this.redisUrl === undefined) return { connection: { connectionString: this.databaseUrl, migrate: true, max: 3 } };
    const connection = new Redis(this.redisUrl, redisOptions);
    connection.on('error', () => undefined); // BullMQ reports it
    this.redisConnections.push(connection);
    return { connection };
  }
}
