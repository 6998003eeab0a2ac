import { setMaxListeners } from 'node:events';
import { setPriority } from 'node:os';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { logger } from '../settings/logger.js';
import type { Settings } from '../settings/settings-schema.js';
import { openSizer } from './open-sizer.js';
import { type Answered, type Discovered, type DiscoverTask, type Measured, type MeasureTask, packError } from './sizer.js';

/** A task on its way to a thread. Over the port the thread hears that it must stop, and reports that the datasource responds. */
export interface SentTask<Task extends MeasureTask | DiscoverTask> {
  readonly task: Task;
  readonly port: MessagePort;
}

/** What a thread is started with. */
export interface ThreadData {
  readonly settings: Settings;
}

/** A thread gets this much less of the processor than the main thread, which callers wait for (nice values; on Linux each thread has its own). */
const niceness = 5;
if (process.platform === 'linux') setPriority(niceness);

/** How often a thread reports that the datasource of a task responds. */
const reportMs = 300;

const { settings } = workerData as ThreadData;
logger.level = settings.LOG_LEVEL;
const sizer = openSizer(settings);
parentPort?.postMessage('open');

export function discover(sent: SentTask<DiscoverTask>): Promise<Answered<Discovered>> {
  return work(sent, sizer.discover);
}

export function measure(sent: SentTask<MeasureTask>): Promise<Answered<Measured>> {
  return work(sent, sizer.measure);
}

/** Works on a task until it is done or told to stop. Never rejects: for Piscina a rejection is the end of a thread. */
async function work<Task extends MeasureTask | DiscoverTask, T>(
  { task, port }: SentTask<Task>,
  run: (task: Task, signal: AbortSignal) => Promise<T>,
): Promise<Answered<T>> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  port.once('message', () => stop.abort());
  let reportedMs = performance.now();
  const reporting = setInterval(() => {
    const answeredMs = sizer.lastAnswerAt(task.datasource.name) ?? 0;
    if (answeredMs > reportedMs) port.postMessage('answered');
    reportedMs = performance.now();
  }, reportMs);
  try {
    return { value: await run(task, stop.signal) };
  } catch (reason) {
    return { failed: packError(reason) };
  } finally {
    clearInterval(reporting);
    port.close();
  }
}
