import 'reflect-metadata';
import { setMaxListeners } from 'node:events';
import { setPriority } from 'node:os';
import { workerData } from 'node:worker_threads';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DatabaseModule } from '../database/database.module.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { Discovery, type DiscoveryResult } from '../discovery/discovery.js';
import { DiscoveryModule } from '../discovery/discovery.module.js';
import { DiscoveryMemoryModule } from '../discovery/discovery-memory.module.js';
import { type DiscoveryRequest } from '../discovery/plan-discovery.js';
import { ReaderProbes } from '../probes/reader-probes.js';
import { logger, NestLogger } from '../settings/logger.js';
import { SettingsModule } from '../settings/settings.module.js';
import { StoredUsageModule } from '../usage/cache/stored-usage.module.js';
import { EvidenceModule } from '../usage/evidence.module.js';
import { LayersModule } from '../usage/layers.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { Measurer } from './measure-shard.js';
import type { Measurement, MeasureTask, SentTask, ThreadData } from './sizer.js';
import { joinThreads } from './thread-channel.js';
import { type Answered, packError } from './thread-errors.js';

/** To PostgreSQL: two shards are read at a time while a third's windows are written. */
const connections = 3;

/** What a thread consists of. */
@Module({})
class ThreadModule {
  static of({ settings, databaseUrl }: ThreadData): DynamicModule {
    // The process that started this thread has brought the tables to this release.
    const memory = [DatabaseModule.at(databaseUrl, connections, { migrates: false }), StoredUsageModule, DiscoveryMemoryModule];
    return {
      module: ThreadModule,
      imports: [
        SettingsModule.of(settings),
        ...(settings.USAGE_STORE ? memory : [UsageModule]),
        LayersModule,
        EvidenceModule,
        DiscoveryModule,
      ],
      providers: [Measurer],
    };
  }
}

/** So much less of the processor than the main thread, which callers wait for, where both want it (nice values; on Linux they are a thread's own). */
const niceness = 5;
if (process.platform === 'linux') setPriority(niceness);

const data = workerData as ThreadData;
logger.level = data.settings.LOG_LEVEL;
const app = await NestFactory.createApplicationContext(ThreadModule.of(data), { logger: new NestLogger(), abortOnError: false });
const measurer = app.get(Measurer);
const discovery = app.get(Discovery);
const http = app.get(DatasourceHttp, { strict: false });
const tellProbe = joinThreads(() => app.close());
app.get(ReaderProbes, { strict: false }).onProbe = (datasource, probe) => tellProbe({ datasource, probe });

/** How often a task's starter hears that its datasource answers. */
const tellMs = 300;

/** One measurement for each experiment of the task. */
export function measure(sent: SentTask<MeasureTask>): Promise<Answered<Measurement[]>> {
  return work(sent, (task, signal) => measurer.measure(task, signal));
}

export function discover(sent: SentTask<DiscoveryRequest>): Promise<Answered<DiscoveryResult>> {
  return work(sent, (task, signal) => discovery.discover(task, signal));
}

/** Works on a task until it is done or told to stop. Never rejects: what comes from Piscina as a rejection is the end of a thread. */
async function work<Task extends MeasureTask | DiscoveryRequest, T>(
  { task, port }: SentTask<Task>,
  run: (task: Task, signal: AbortSignal) => Promise<T>,
): Promise<Answered<T>> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  port.once('message', () => stop.abort());
  let toldMs = performance.now();
  const telling = setInterval(() => {
    const answeredMs = http.lastAnswerAt(task.datasource.name) ?? 0;
    if (answeredMs > toldMs) port.postMessage('answered');
    toldMs = performance.now();
  }, tellMs);
  try {
    return { value: await run(task, stop.signal) };
  } catch (reason) {
    return { failed: packError(reason) };
  } finally {
    clearInterval(telling);
    port.close();
  }
}
