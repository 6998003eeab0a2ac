import { setMaxListeners } from 'node:events';
import { setPriority } from 'node:os';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { logger } from '../settings/logger.js';
import type { Settings } from '../settings/settings-schema.js';
import { openSizer } from './open-sizer.js';
import { type Discovered, type DiscoverTask, type Measured, type MeasureTask, packError, type TaskResult } from './sizer.js';

/** A task for a thread, and a port: it tells the thread to stop, and the thread uses it to report that the datasource responds. */
export interface SentTask<Task extends MeasureTask | DiscoverTask> {
  readonly task: Task;
  readonly port: MessagePort;
}

/** Start parameters of a thread. */
export interface ThreadData {
  readonly settings: Settings;
}

/** Nice value of threads: the main thread, which serves callers, takes precedence. On Linux each thread has its own value. */
const niceness = 10;
if (process.platform === 'linux') setPriority(niceness);

/** How often a thread reports that the datasource of a task responds. */
const reportMs = 300;

const { settings } = workerData as ThreadData;
logger.level = settings.LOG_LEVEL;
const sizer = openSizer(settings);
parentPort?.postMessage('open');

export function discover(sent: SentTask<DiscoverTask>): Promise<TaskResult<Discovered>> {
  return work(sent, sizer.discover);
}

export function measure(sent: SentTask<MeasureTask>): Promise<TaskResult<Measured>> {
  return work(sent, sizer.measure);
}

/** Works on a task until it is done or must stop. Never rejects: a rejection would mean to Piscina that the thread has ended. */
async function work<Task extends MeasureTask | DiscoverTask, T>(
  { task, port }: SentTask<Task>,
  run: (task: Task, signal: AbortSignal) => Promise<T>,
): Promise<TaskResult<T>> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  port.once('message', () => stop.abort());
  let reportedMs = performance.now();
  const reportTimer = setInterval(() => {
    const respondedMs = sizer.lastAnswerAt(task.datasource.name) ?? 0;
    if (respondedMs > reportedMs) port.postMessage('responded');
    reportedMs = performance.now();
  }, reportMs);
  try {
    return { value: await run(task, stop.signal) };
  } catch (reason) {
    return { failed: packError(reason) };
  } finally {
    clearInterval(reportTimer);
    port.close();
  }
}
