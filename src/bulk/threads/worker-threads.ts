import { setFlagsFromString } from 'node:v8';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Piscina } from 'piscina';
import { DatabaseAddress } from '../../database/database-address.js';
import { DatasourceError } from '../../datasource/datasource-error.js';
import type { DiscoveryRequest, DiscoveryResult } from '../../discovery/discovery.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import { ThreadChannel } from './thread-channel.js';
import type { Answered, Measurement, MeasureTask, ThreadData } from './thread-messages.js';

/**
 * Lets heaps grow by 60 % of what is alive in them before all of it is looked through. A measuring thread has some 30 MB alive and hundreds pass through it
 * in a job; by V8's own measure, a third more than what is alive, it looks through its heap some ten times in it (measured: docs/performance.md).
 */
const heapGrowth = '--heap-growing-percent=60';

/** Threads that take longer to start are not waited for, in ms. */
const openMs = 10_000;

/** Threads have so long to store what they have read, in ms. */
const closeMs = 5_000;

/** The threads that read from datasources and compute, so that this one stays free for locks, requests and commits. */
@Injectable()
export class WorkerThreads implements OnApplicationBootstrap, OnApplicationShutdown {
  private pool: Piscina | undefined;

  private readonly channel = new ThreadChannel();

  constructor(
    @InjectSettings() private readonly settings: Settings,
    private readonly database: DatabaseAddress,
  ) {}

  /** Threads start with the process, which is up when they are: a first job does not wait for them, nor do they take the processor from it. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.settings.ROLE === 'api') return;
    setFlagsFromString(heapGrowth);
    const threads = this.settings.MEASURE_THREADS;
    const settings = { ...this.settings, DATASOURCE_CONCURRENCY: Math.ceil(this.settings.DATASOURCE_CONCURRENCY / threads) };
    this.pool = new Piscina({
      filename: new URL('./thread.worker.js', import.meta.url).href,
      workerData: { settings, databaseUrl: this.database.url } satisfies ThreadData,
      // Young heaps of V8's own size would be half of a thread's memory; most of what is sent dies at once.
      resourceLimits: { maxYoungGenerationSizeMb: 12 },
      minThreads: threads,
      maxThreads: threads,
      // Otherwise a thread without a task sleeps so deeply that what it does between tasks, storing what it has read, waits for the next one.
      atomics: 'disabled',
      concurrentTasksPerWorker: 64,
    });
    await this.channel.untilOpen(threads, openMs);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.channel.closeAll(closeMs);
    await this.pool?.destroy();
  }

  /** Finds a datasource's workloads; rejects with a DatasourceError when the datasource fails, with another error when the profile does. */
  discover(request: DiscoveryRequest, _signal: AbortSignal): Promise<DiscoveryResult> {
    return this.run('discover', request);
  }

  /** One measurement for each experiment of the task, in their order; rejects with a DatasourceError when the datasource fails. */
  measure(task: MeasureTask, _signal: AbortSignal): Promise<Measurement[]> {
    return this.run('measure', task);
  }

  lastAnswerAt(_datasource: string): number | undefined {
    return undefined;
  }

  private async run<T>(name: keyof typeof import('./thread.worker.js'), task: object): Promise<T> {
    if (!this.pool) throw new Error('this process does not measure: its ROLE is api');
    const answered: Answered<T> = await this.pool.run(task, { name });
    if ('value' in answered) return answered.value;
    const { failure, message } = answered.datasourceFailure;
    throw new DatasourceError(failure, message);
  }
}
