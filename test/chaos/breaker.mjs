// Loaded into the service with --import: breaks it at named points of its steps, and tells each point on stdout before anything happens there.
// CHAOS_PLAN is a JSON array of {step, point, skip, signal?}: the first entry waits for its point, lets it pass `skip` times, then sends `signal` to this
// process; without a signal it only tells, and the harness breaks something else. Then the next entry waits.
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const plan = JSON.parse(process.env.CHAOS_PLAN ?? '[]');
// Synchronous: a line is out before its signal ends this process.
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
