// Loaded into the service with --import: says twice a second for how long the event loop was held at most, and on SIGUSR2 how much memory is in use
// after a collection. On a loaded machine it may be the machine that holds the event loop: what counts is no more than the time that this thread computed.
import { readFileSync, writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

const resolutionMs = 10;

if (isMainThread) {
  const tell = (line) => writeSync(1, `${JSON.stringify(line)}\n`);
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const computedMs = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  let before = computedMs();
  setInterval(() => {
    const now = computedMs();
    tell({ msg: 'fuzz loop', heldMs: Math.max(0, Math.min(delay.max / 1e6 - resolutionMs, now - before)) });
    before = now;
    delay.reset();
  }, 500).unref();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', () => {
    collect();
    tell({ msg: 'fuzz heap', usedMb: process.memoryUsage().heapUsed / 1e6 });
  });
}
