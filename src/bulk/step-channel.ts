import { channel } from 'node:diagnostics_channel';
import type { Lease } from './lease-store.js';

/**
 * Where a step is. `leased`: nothing is done yet; `done`: its work is done, nothing is committed or marked; `committed`: the rows have it, nobody is woken
 * yet; `ended`: all is done.
 */
export type StepPoint = 'leased' | 'done' | 'committed' | 'ended';

export interface StepMoment {
  readonly step: Lease['step'];
  readonly point: StepPoint;
  readonly jobId: string;
  readonly shard: number;
  readonly fence: number;
}

/** Steps announce themselves here; tests listen, to break them at a named point. */
const steps = channel('rightsizer:step');

export function announce({ step, jobId, shard, fence }: Lease, point: StepPoint): void {
  if (steps.hasSubscribers) steps.publish({ step, point, jobId, shard, fence } satisfies StepMoment);
}
