import { appendFileSync, readFileSync } from 'node:fs';
import { BroadcastChannel, threadId, workerData } from 'node:worker_threads';

// A measuring thread without datasources. What it does with a task is the task's jobId.
const channel = new BroadcastChannel('rightsizer-measuring-threads');
channel.unref();
channel.onmessage = ({ data }) => {
  if (data !== 'close') return;
  channel.postMessage('closed');
  channel.close();
};
channel.postMessage('open');

// The first two threads end while they start where the database's address is a file's.
const { databaseUrl: file, settings } = workerData;
if (file !== '') {
  appendFileSync(file, '.');
  if (readFileSync(file).length <= 2) process.exit(1);
}

const works = {
  dies: () => process.exit(1),
  fails: () => ({ failed: { kind: 'datasource', failure: 'timeout', message: 'no answer' } }),
  waits: ({ port }) => new Promise((stopped) => port.once('message', () => stopped({ value: [] }))),
  'says its number': () => ({ value: [threadId] }),
  'says its share': () => ({ value: [settings.DATASOURCE_CONCURRENCY] }),
};

export function measure({ task, port }) {
  return works[task.jobId]({ port });
}
