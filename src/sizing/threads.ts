import { setFlagsFromString } from 'node:v8';
import { MessageChannel } from 'node:worker_threads';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Piscina } from 'piscina';
import { untilAborted } from '../calls/abort.js';
import { DatabaseAddress } from '../database/database.module.js';
import type { DiscoveryResult } from '../discovery/discovery.js';
import type { DiscoveryRequest } from '../discovery/plan-discovery.js';
import { ReaderProbes } from '../probes/reader-probes.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import type { Measurement, MeasureTask, ThreadData } from './sizer.js';
import { ThreadChannel } from './thread-channel.js';
import { ThreadDied, ThreadsClosed, unpackError } from './thread-errors.js';

const log = logOf('bulk');

/**
 * Lets heaps grow by 60 % of what is alive in them before all of it is looked through. A measuring thread has some 30 MB alive and hundreds pass through it
 * in a job; by V8's own measure, a third more than what is alive, it looks through its heap some ten times in it (measured: docs/performance.md).
 */
const heapGrowth = '--heap-growing-percent=60';

/** Threads that take longer to start are not waited for, in ms. */
const openMs = 10_000;

/** Threads have so long to store what they have read, in ms. */
const closeMs = 5_000;

/** Tasks that one thread may have at once; how many there are, the step runner decides: those of a datasource that hangs run beside others. */
const tasksOfThread = 1_000;

/** The threads that read from datasources and compute, so that this one stays free for locks, requests and commits. */
@Injectable()
export class WorkerThreads implements OnApplicationBootstrap, OnApplicationShutdown {
  protected readonly worker: string = new URL('./thread.js', import.meta.url).href;
  private pool: Piscina | undefined;
  private readonly answeredMs = new Map<string, number>();
  private readonly channel = new ThreadChannel(({ datasource, probe }) => this.probes.adopt(datasource, probe));

  constructor(
    @InjectSettings() private readonly settings: Settings,
    private readonly database: DatabaseAddress,
    private readonly probes: ReaderProbes,
  ) {}

  /** Threads start with the process, which is up when they are: a first job does not wait for them, nor do they take the processor from it. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.settings.ROLE === 'api') return;
    setFlagsFromString(heapGrowth);
    this.pool = this.startThreads();
    await this.channel.untilOpen(this.share().threads, openMs);
  }

  async onApplicationShutdown(): Promise<void> {
    const pool = this.pool;
    this.pool = undefined;
    await this.channel.closeAll(pool?.threads.length ?? 0, closeMs);
    await pool?.destroy();
  }

  /** Finds a datasource's workloads; rejects with a DatasourceError when the datasource fails, with a ProfileFailure when the profile does. */
  discover(request: DiscoveryRequest, signal: AbortSignal): Promise<DiscoveryResult> {
    return this.run('discover', request, signal);
  }

  /**
   * One measurement for each experiment of the task, in their order; rejects with a DatasourceError when the datasource fails. Both reject with the signal's
   * reason as soon as it fires, with ThreadDied when the thread ends, and with ThreadsClosed when there is none.
   */
  measure(task: MeasureTask, signal: AbortSignal): Promise<Measurement[]> {
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
      workerData: { settings, databaseUrl: this.database.url } satisfies ThreadData,
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

  /** Sends a task to a thread. An abort is a message to it: Piscina's own would end the thread, and other tasks with it. */
  private async run<T>(name: keyof typeof import('./thread.js'), task: MeasureTask | DiscoveryRequest, signal: AbortSignal): Promise<T> {
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
