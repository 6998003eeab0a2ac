import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { untilAborted } from '../calls/abort.js';
import { logOf } from '../settings/logger.js';
import type { Settings } from '../settings/settings-schema.js';
import {
  type Discovered,
  type DiscoverTask,
  type Measured,
  type MeasureTask,
  type Sizer,
  ThreadDied,
  ThreadsClosed,
  unpackError,
} from './sizer.js';
import type { ThreadData } from './thread.js';

const log = logOf('bulk');

/** Maximum wait for threads to start, in ms. */
const openMs = 10_000;

/** Maximum concurrent tasks per thread. The step runner sets the actual number: tasks of a hanging datasource run beside others. */
const tasksOfThread = 1_000;

/** A Sizer that uses threads, so that the main thread stays free for leases, requests and commits. */
export class WorkerThreads implements Sizer {
  protected readonly worker: string = new URL('./thread.js', import.meta.url).href;
  private pool: Piscina | undefined;
  private readonly respondedMs = new Map<string, number>();

  constructor(private readonly settings: Settings) {}

  /** Starts the threads and waits until they are ready, so that the first job does not have to wait. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.settings.ROLE === 'api') return;
    this.pool = this.startThreads();
    await this.untilOpen(this.pool, this.share().threads);
  }

  async onApplicationShutdown(): Promise<void> {
    const pool = this.pool;
    this.pool = undefined;
    await pool?.destroy();
  }

  discover(task: DiscoverTask, signal: AbortSignal): Promise<Discovered> {
    return this.run('discover', task, signal);
  }

  /** Like `discover`, rejects with the signal's reason when it fires, with ThreadDied if the thread ends, and with ThreadsClosed if there are none. */
  measure(task: MeasureTask, signal: AbortSignal): Promise<Measured> {
    return this.run('measure', task, signal);
  }

  /** When a datasource last responded to a thread, in ms of performance.now(); undefined if never. */
  lastAnswerAt(datasource: string): number | undefined {
    return this.respondedMs.get(datasource);
  }

  /** Number of threads, and maximum concurrent requests of each to one datasource: together at most DATASOURCE_CONCURRENCY. */
  private share(): { threads: number; concurrency: number } {
    const { MEASURE_THREADS, DATASOURCE_CONCURRENCY } = this.settings;
    const threads = Math.min(MEASURE_THREADS, DATASOURCE_CONCURRENCY);
    return { threads, concurrency: Math.floor(DATASOURCE_CONCURRENCY / threads) };
  }

  private startThreads(): Piscina {
    const { threads, concurrency } = this.share();
    const settings = { ...this.settings, DATASOURCE_CONCURRENCY: concurrency };
    const pool = new Piscina({
      filename: this.worker,
      workerData: { settings } satisfies ThreadData,
      // What --max-semi-space-size=6 of `npm start` gives, for a process without this flag. V8's default would be half of a thread's memory.
      resourceLimits: { maxYoungGenerationSizeMb: 18 },
      minThreads: threads,
      maxThreads: threads,
      // Otherwise a thread without a task blocks its event loop: work between tasks would wait for the next task.
      atomics: 'disabled',
      concurrentTasksPerWorker: tasksOfThread,
    });
    pool.on('error', (error) => log.error({ error: String(error) }, 'an idle measuring thread ended; it is replaced'));
    pool.on('workerDestroy', () => queueMicrotask(() => this.rejectQueued(pool)));
    return pool;
  }

  /** If all threads end during their start, Piscina would keep the queued tasks for ever. */
  private rejectQueued(pool: Piscina): void {
    if (pool === this.pool && pool.threads.length === 0) void pool.destroy();
  }

  /** Resolves when this many threads are ready, or after `openMs`. */
  private async untilOpen(pool: Piscina, threads: number): Promise<void> {
    let open = 0;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, openMs);
      pool.on('message', () => {
        if (++open < threads) return;
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Sends a task to a thread. An abort is sent as a message, because Piscina's own abort would end the thread and its other tasks. */
  private async run<T>(name: keyof typeof import('./thread.js'), task: MeasureTask | DiscoverTask, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const { port1: ours, port2: port } = new MessageChannel();
    ours.on('message', () => this.respondedMs.set(task.datasource.name, performance.now()));
    ours.unref();
    try {
      const result = await untilAborted(this.livePool().run({ task, port }, { name, transferList: [port] }), signal).catch((reason) => {
        ours.postMessage('stop');
        throw signal.aborted ? signal.reason : this.deathOf(reason);
      });
      if ('failed' in result) throw unpackError(result.failed);
      this.respondedMs.set(task.datasource.name, performance.now());
      return result.value;
    } finally {
      ours.close();
    }
  }

  /** The pool, started again if it has no threads: Piscina does not replace threads that end during their start. */
  private livePool(): Piscina {
    if (!this.pool) throw new ThreadsClosed();
    if (this.pool.threads.length === 0) {
      log.error('all measuring threads have ended; starting new ones');
      void this.pool.destroy();
      this.pool = this.startThreads();
    }
    return this.pool;
  }

  private deathOf(reason: unknown): Error {
    if (!this.pool) return new ThreadsClosed();
    log.error({ error: String(reason) }, 'a measuring thread ended at work; it is replaced');
    return new ThreadDied(reason);
  }
}
