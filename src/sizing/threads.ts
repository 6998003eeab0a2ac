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

/** Threads that take longer to start are not waited for, in ms. */
const openMs = 10_000;

/** Tasks that one thread may have at once; how many there are, the step runner decides: those of a datasource that hangs run beside others. */
const tasksOfThread = 1_000;

/** A Sizer over threads, so that the main thread stays free for locks, requests and commits. */
export class WorkerThreads implements Sizer {
  protected readonly worker: string = new URL('./thread.js', import.meta.url).href;
  private pool: Piscina | undefined;
  private readonly answeredMs = new Map<string, number>();

  constructor(private readonly settings: Settings) {}

  /** Starts the threads and waits until they are open: then the first job need not wait for them. */
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

  /** Both reject with the signal's reason as soon as it fires, with ThreadDied when the thread ends, and with ThreadsClosed when there is none. */
  measure(task: MeasureTask, signal: AbortSignal): Promise<Measured> {
    return this.run('measure', task, signal);
  }

  /** When a thread last heard from a datasource, in ms of performance.now(); undefined: never. */
  lastAnswerAt(datasource: string): number | undefined {
    return this.answeredMs.get(datasource);
  }

  /** How many threads there are, and how many requests at once each may send to a datasource: all together no more than DATASOURCE_CONCURRENCY. */
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
      // Young heaps of V8's own size would be half of a thread's memory; most of what is sent dies at once.
      resourceLimits: { maxYoungGenerationSizeMb: 12 },
      minThreads: threads,
      maxThreads: threads,
      // Otherwise a thread without a task sleeps so deeply that what it does between tasks, storing what it has read, waits for the next one.
      atomics: 'disabled',
      concurrentTasksPerWorker: tasksOfThread,
    });
    pool.on('error', (error) => log.error({ error: String(error) }, 'an idle measuring thread ended; another one takes its place'));
    pool.on('workerDestroy', () => queueMicrotask(() => this.rejectQueued(pool)));
    return pool;
  }

  /** Piscina keeps tasks that wait for a thread which then ends while it starts: nothing would ever work on them. */
  private rejectQueued(pool: Piscina): void {
    if (pool === this.pool && pool.threads.length === 0) void pool.destroy();
  }

  /** Resolves when so many threads are open, or after `openMs`. */
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

  /** Sends a task to a thread. An abort is a message to it: Piscina's own would end the thread, and other tasks with it. */
  private async run<T>(name: keyof typeof import('./thread.js'), task: MeasureTask | DiscoverTask, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const { port1: ours, port2: port } = new MessageChannel();
    ours.on('message', () => this.answeredMs.set(task.datasource.name, performance.now()));
    ours.unref();
    try {
      const answered = await untilAborted(this.livePool().run({ task, port }, { name, transferList: [port] }), signal).catch((reason) => {
        ours.postMessage('stop');
        throw signal.aborted ? signal.reason : this.deathOf(reason);
      });
      if ('failed' in answered) throw unpackError(answered.failed);
      this.answeredMs.set(task.datasource.name, performance.now());
      return answered.value;
    } finally {
      ours.close();
    }
  }

  /** Piscina replaces threads that end, but not those that end while they start: without any, all are started anew. */
  private livePool(): Piscina {
    if (!this.pool) throw new ThreadsClosed();
    if (this.pool.threads.length === 0) {
      log.error('all measuring threads have ended; new ones are started');
      void this.pool.destroy();
      this.pool = this.startThreads();
    }
    return this.pool;
  }

  private deathOf(reason: unknown): Error {
    if (!this.pool) return new ThreadsClosed();
    log.error({ error: String(reason) }, 'a measuring thread ended at work; another one takes its place');
    return new ThreadDied(reason);
  }
}
