import { appendFileSync, readFileSync } from 'node:fs';
import { parentPort, threadId, workerData } from 'node:worker_threads';

// A measuring thread without datasources. What it does with a task is the task's jobId.
const { settings } = workerData;

// If CONFIG_DIR names a file, the first two threads end while they start.
if (settings.CONFIG_DIR) {
  appendFileSync(settings.CONFIG_DIR, '.');
  if (readFileSync(settings.CONFIG_DIR).length <= 2) process.exit(1);
}
parentPort.postMessage('open');

const works = {
  dies: () => process.exit(1),
  fails: () => ({ failed: { kind: 'datasource', failure: 'timeout', message: 'no answer' } }),
  waits: ({ port }) => new Promise((stopped) => port.once('message', () => stopped({ value: { measurements: [] } }))),
  'says its number': () => ({ value: { measurements: [threadId] } }),
  'says its share': () => ({ value: { measurements: [settings.DATASOURCE_CONCURRENCY] } }),
  'fills what is stored': ({ task }) => ({ value: { measurements: [task.windows.stored.fill(7).length] } }),
};

export function measure({ task, port }) {
  return works[task.jobId]({ task, port });
}
