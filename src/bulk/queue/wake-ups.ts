import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { untilAborted } from '../../calls/abort.js';
import { logOf } from '../../settings/logger.js';
import { QueueBackend } from './queue-backend.js';
import { type Step, stepNames, type WakeUp, type WakeUpsByStep, wakeUpId } from './steps.js';

const log = logOf('bulk');

/** Nobody waits longer for the queue. */
const patienceMs = 5_000;

function soon<T>(work: Promise<T>): Promise<T> {
  return untilAborted(work, AbortSignal.timeout(patienceMs));
}

/** Wakes workers. A lost wake-up loses nothing: the reconciler finds the row and wakes again. */
@Injectable()
export class WakeUps implements OnApplicationShutdown {
  private readonly queues: Readonly<Record<Step, Queue<WakeUp>>>;

  constructor(private readonly backend: QueueBackend) {
    this.queues = Object.fromEntries(stepNames.map((step) => [step, backend.queue(step)])) as Record<Step, Queue<WakeUp>>;
  }

  /** Adds wake-ups that the queue does not hold yet; never rejects, and waits no longer than a few seconds for a queue that hangs. */
  async wake(step: Step, ...wakeUps: readonly WakeUp[]): Promise<void> {
    if (wakeUps.length === 0) return;
    const jobs = wakeUps.map((data) => ({ name: step, data, opts: { jobId: wakeUpId(data) } }));
    await soon(this.queues[step].addBulk(jobs)).catch((error) => {
      // Told once already where the queue is away.
      log[this.backend.trouble() ? 'debug' : 'warn'](
        { step, count: wakeUps.length, error: String(error) },
        'wake-ups are lost; the reconciler will put them back',
      );
    });
  }

  /** Why the queue cannot be reached; undefined if it can. */
  trouble(): string | undefined {
    return this.backend.trouble();
  }

  /** Adds the wake-ups of several steps; never rejects. */
  async wakeAll(waking: WakeUpsByStep): Promise<void> {
    await Promise.all(stepNames.map((step) => this.wake(step, ...(waking[step] ?? []))));
  }

  /** Wake-ups that wait for a worker, by step; without the steps whose queue does not answer. */
  async depths(): Promise<Partial<Record<Step, number>>> {
    const counts = await Promise.all(stepNames.map((step) => soon(this.queues[step].getWaitingCount()).catch(() => undefined)));
    return Object.fromEntries(stepNames.map((step, index) => [step, counts[index]]).filter(([, count]) => count !== undefined));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(Object.values(this.queues).map((queue) => soon(queue.close()).catch(() => undefined)));
  }
}
