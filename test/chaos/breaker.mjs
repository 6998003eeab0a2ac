// Loaded into the service with --import. Breaks it at named points of its steps, and prints each point to stdout before anything happens there.
// CHAOS_PLAN is a JSON array of {step, point, skip, signal?}. The first entry lets its point pass `skip` times, then sends `signal` to this process.
// Without a signal it only prints, and the harness breaks something else. Then the next entry becomes active.
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const plan = JSON.parse(process.env.CHAOS_PLAN ?? '[]');
// Synchronous, so that the line is written before the signal ends this process.
const tell = (line) => writeSync(1, `${JSON.stringify(line)}\n`);

if (isMainThread) {
  subscribe('rightsizer:step', (moment) => {
    tell({ msg: 'chaos moment', ...moment });
    const [next] = plan;
    if (next?.step !== moment.step || next.point !== moment.point || next.skip-- > 0) return;
    plan.shift();
    tell({ msg: 'chaos break', ...next, ...moment });
    if (next.signal) process.kill(process.pid, next.signal);
  });
}

if (process.env.CHAOS_FAULT) await import('./planted-faults.mjs');
