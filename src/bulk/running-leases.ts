import { channel } from 'node:diagnostics_channel';
import { Injectable } from '@nestjs/common';
import { logOf } from '../settings/logger.js';
import { JobSizer } from '../sizing/job-sizer.js';
import { type Lease, LeaseLost, LeaseStore, type Release, Stopped } from './lease-rows.js';
import { type Step, type StepDefinition, stepNames, steps } from './steps.js';

/**
 * Progress of a step. `leased`: nothing is done yet; `done`: the work is done but not committed; `committed`: the result is committed, but the next steps are
 * not woken yet; `ended`: all is done.
 */
export type StepPoint = 'leased' | 'done' | 'committed' | 'ended';

export type StepMoment = Pick<Lease, 'step' | 'jobId' | 'shard' | 'fence'> & { readonly point: StepPoint };

/** Steps announce their progress here. Tests listen, to interrupt them at a given point. */
const moments = channel('rightsizer:step');

export function announce({ step, jobId, shard, fence }: Lease, point: StepPoint): void {
  if (moments.hasSubscribers) moments.publish({ step, point, jobId, shard, fence } satisfies StepMoment);
}

const log = logOf('bulk');

/** How often leases are renewed and the jobs of running steps are checked: a cancelled job stops its queries within this time. */
const beatMs = 400;

/**
 * A row whose datasource has not responded for this long loses its slot to the next row. Each silent datasource shortens the time for the next one, so
 * that a row behind many of them does not wait long. Losing a slot costs little: the row continues beside the others.
 */
const silenceMs = 2_000;
/** Maximum leases that wait for a webhook receiver without a slot; each keeps one page of its body in memory. */
const maxReceivers = 50;
/** How often running rows are checked for silent datasources. */
const listenMs = 100;

/** A lease whose step is running. */
export interface RunningLease {
  readonly lease: Lease;
  /** Fires when the step must stop: its job has ended, its lease is lost, or the process shuts down. */
  readonly signal: AbortSignal;
  /** Resolves when its datasource or receiver has been silent for a while. */
  readonly silent: Promise<void>;
}

interface Running extends RunningLease {
  readonly controller: AbortController;
  readonly sinceMs: number;
  readonly becomeSilent: () => void;
}

/** The leases of this process: renews them, stops those that are lost or whose job has ended, and knows which datasources they wait for. */
@Injectable()
export class RunningLeases {
  private readonly running = new Set<Running>();
  /** Releases that are not stored yet. */
  private readonly unwritten = new Set<readonly [Lease, Release]>();
  /** Releases that are being written. */
  private readonly writing = new Set<readonly [Lease, Release]>();
  private timer: NodeJS.Timeout | undefined;
  private listening: NodeJS.Timeout | undefined;

  constructor(
    private readonly leases: LeaseStore,
    private readonly sizer: JobSizer,
  ) {}

  get count(): number {
    return this.running.size;
  }

  /** Starts renewing a lease. */
  open(lease: Lease): RunningLease {
    const controller = new AbortController();
    let becomeSilent: () => void = () => undefined;
    const silent = new Promise<void>((resolve) => {
      becomeSilent = resolve;
    });
    const running = { lease, controller, signal: controller.signal, silent, sinceMs: performance.now(), becomeSilent };
    this.running.add(running);
    this.timer ??= setTimeout(() => this.beat(), beatMs);
    this.listening ??= setInterval(() => this.listen(), listenMs);
    return running;
  }

  /** Stops renewing a lease. */
  close(running: RunningLease): void {
    this.running.delete(running as Running);
  }

  /** Silent datasources that at least `minLeases` leases of a step wait for. A datasource that hangs on one query may still respond to others. */
  silentDatasources(step: Step, minLeases: number): string[] {
    const names = [...this.silentOf(step).values()].flat();
    return [...new Set(names)].filter((name) => names.filter((each) => each === name).length >= minLeases);
  }

  /** Number of running leases of a step that are not silent, including those that lost their slot and receive data again. */
  activeCount(step: Step): number {
    return this.ofStep(step).length - this.silentOf(step).size;
  }

  private ofStep(step: Step): Running[] {
    return [...this.running].filter(({ lease }) => lease.step === step);
  }

  /** Writes a release; never rejects. While the database is unavailable it retries with each beat until the process ends. */
  async release(lease: Lease, release: Release): Promise<void> {
    const entry = [lease, release] as const;
    this.unwritten.add(entry);
    await this.write(entry);
    if (this.unwritten.size > 0) this.timer ??= setTimeout(() => this.beat(), beatMs);
  }

  /** Stops every step. */
  stopAll(): void {
    for (const { controller } of this.running) controller.abort(new Stopped('the process shuts down'));
  }

  /** Stops the silent steps: they would not end in time. */
  stopSilent(): void {
    for (const step of stepNames) {
      for (const { controller } of this.silentOf(step).keys()) controller.abort(new Stopped('the process shuts down'));
    }
  }

  private listen(): void {
    const steps = new Set([...this.running].map(({ lease }) => lease.step));
    for (const step of steps) for (const running of this.silentOf(step).keys()) running.becomeSilent();
    if (this.running.size > 0) return;
    clearInterval(this.listening);
    this.listening = undefined;
  }

  private async beat(): Promise<void> {
    // Not awaited: a release may wait for a lock, and renewals must not.
    for (const entry of this.unwritten) void this.write(entry);
    await this.renew([...this.running]);
    const isIdle = this.running.size === 0 && this.unwritten.size === 0;
    this.timer = isIdle ? undefined : setTimeout(() => this.beat(), beatMs);
  }

  /** While the database is unavailable no other worker can take a lease either: work continues, and its commit decides. */
  private async renew(kept: readonly Running[]): Promise<void> {
    if (kept.length === 0) return;
    const states = await this.leases.renew(kept.map(({ lease }) => lease)).catch((error) => {
      log.debug({ error: String(error) }, 'cannot renew leases now');
      return [];
    });
    for (const [index, state] of states.entries()) {
      const { lease, controller } = kept[index]!;
      const { endsWithJob }: StepDefinition = steps[lease.step];
      if (state === 'lost') controller.abort(new LeaseLost(lease));
      if (state === 'ended' && endsWithJob) controller.abort(new Stopped('the job ended'));
    }
  }

  /** A release lowers a count, so it must not be written twice at the same time. */
  private async write(entry: readonly [Lease, Release]): Promise<void> {
    if (this.writing.has(entry)) return;
    this.writing.add(entry);
    await this.leases
      .release(...entry)
      .then(
        () => this.unwritten.delete(entry),
        (error) => log.debug({ error: String(error) }, 'cannot write a release now'),
      )
      .finally(() => this.writing.delete(entry));
  }

  /** Silent leases of a step, each with its silent datasources; the oldest lease first. */
  private silentOf(step: Step): Map<Running, string[]> {
    const { waitsFor }: StepDefinition = steps[step];
    const silent = new Map<Running, string[]>();
    const names = new Set<string>();
    for (const running of this.ofStep(step)) {
      const { lease, sinceMs } = running;
      const silentSince = performance.now() - silenceMs / (1 + names.size);
      const found = lease.datasources.filter((name) => Math.max(sinceMs, this.sizer.lastAnswerAt(name) ?? 0) < silentSince);
      const hasSilentReceiver = waitsFor === 'receiver' && sinceMs < performance.now() - silenceMs && silent.size < maxReceivers;
      if (found.length > 0 || hasSilentReceiver) silent.set(running, found);
      for (const name of found) names.add(name);
    }
    return silent;
  }
}
