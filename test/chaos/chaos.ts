import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StepMoment, StepPoint } from '../../src/bulk/running-leases.js';
import { type Step, stepNames, steps } from '../../src/bulk/steps.js';
import { randomAt, seedOf } from '../cluster/random.js';
import { startJob } from '../jobs.js';
import { type RunningChild, startChild } from '../servers/child-process.js';
import { type FaultMode, faultModes } from '../servers/fault-proxy.js';
import { checkJobs, type Violations } from './check-jobs.js';
import { mainFile, namespaces, startWorld, time_range, type World } from './world.js';

export interface ChaosOptions {
  readonly seed: number;
  /** Number of signals that workers get before the run is left to finish undisturbed. */
  readonly kills: number;
  readonly queue: 'postgres' | 'redis';
  /** A fault to plant into the workers (planted-faults.mjs), to prove that the checks find it. */
  readonly plantedFault?: string;
  /** Break only at this point, in this way: `publish:done:SIGTERM`. */
  readonly at?: string;
  readonly onProgress?: (line: string) => void;
}

export interface ChaosResult extends Violations {
  readonly kills: number;
  readonly jobs: number;
}

/** A break that happened, and the row whose step it hit. */
type Broken = Break & StepMoment;

/** Breaks a worker when it has passed a point of a step `skip` times; without a signal, breaks one of its servers instead. */
interface Break {
  readonly step: Step;
  readonly point: StepPoint;
  readonly skip: number;
  readonly signal?: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP';
}

const breaker = fileURLToPath(new URL('./breaker.mjs', import.meta.url));
const workers = 2;
const jobsAtOnce = 2;
/** No more jobs are posted while this many wait for their publication or webhook: something may be stuck. */
const mostUndone = 10;
/** If nothing moves for this long, something is stuck. A planted fault that leaves a job stuck gets less time. */
const patienceMs = { honest: 120_000, planted: 30_000 };
/** Maximum sleep of a stopped worker, longer than its leases last. */
const longestStopMs = 14_000;
const longestFaultMs = 8_000;
/** With a planted fault, a worker sleeps until another one has taken its row, but at most this long. */
const takeOverMs = 60_000;
/** How long a worker that survives a break goes on. */
const afterlifeMs = 2_000;

const points: readonly StepPoint[] = ['leased', 'done', 'committed'];
const signals = ['SIGKILL', 'SIGTERM', 'SIGSTOP', undefined] as const;

/** Pseudo-random numbers; the seed determines their order. */
class Dice {
  private thrown = 0;

  constructor(private readonly seed: number) {}

  below(bound: number): number {
    return Math.floor(randomAt(this.seed, this.thrown++) * bound);
  }

  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    return items.map(() => left.splice(this.below(left.length), 1)[0]!);
  }
}

/** The point at which a planted fault becomes visible. */
const revealing: Readonly<Record<string, readonly Omit<Break, 'skip'>[]>> = {
  'publish-before-commit': [{ step: 'measure', point: 'done', signal: 'SIGKILL' }],
  'mark-before-ack': [{ step: 'publish', point: 'committed', signal: 'SIGKILL' }],
  'unguarded-finalise': [{ step: 'measure', point: 'committed', signal: 'SIGKILL' }],
  'lease-not-checked': [
    { step: 'finish', point: 'done', signal: 'SIGSTOP' },
    { step: 'notify', point: 'done', signal: 'SIGSTOP' },
  ],
};

/** Every combination of step, point and break, endlessly, in an order that the seed determines. */
function* breaksOf(dice: Dice, { plantedFault, at }: ChaosOptions): Generator<Break, never> {
  const every = stepNames.flatMap((step) => points.flatMap((point) => signals.map((signal) => ({ step, point, signal }))));
  const all =
    revealing[plantedFault ?? ''] ?? every.filter(({ step, point, signal }) => at === undefined || at === `${step}:${point}:${signal}`);
  if (all.length === 0) throw new Error(`Nothing breaks at "${at}"; write it like publish:done:SIGTERM.`);
  for (;;) {
    for (const each of dice.shuffled(all)) yield { ...each, skip: 'shards' in steps[each.step] ? dice.below(5) : 0 };
  }
}

/** Runs jobs while breaking workers, until the number of kills is reached and all jobs have ended. Then checks the results. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const world = await startWorld(options.queue);
  const chaos = new Chaos(world, options);
  try {
    return await chaos.run();
  } finally {
    chaos.end();
    await world.close();
  }
}

class Chaos {
  private readonly dice: Dice;
  private readonly breaks: Generator<Break, never>;
  private readonly moments: StepMoment[] = [];
  /** Jobs by id, with the names of their webhooks. */
  private readonly jobs = new Map<string, string>();
  /** Jobs whose cancel was accepted. */
  private readonly cancelled = new Set<string>();
  private readonly cancels: Promise<void>[] = [];
  private readonly children: RunningChild[] = [];
  private posted = 0;
  private kills = 0;
  private isOver = false;
  private readonly startMs = performance.now();
  private movedAtMs = Date.now();

  constructor(
    private readonly world: World,
    private readonly options: ChaosOptions,
  ) {
    this.dice = new Dice(seedOf(options.seed, options.queue));
    this.breaks = breaksOf(this.dice, options);
  }

  async run(): Promise<ChaosResult> {
    const working = Array.from({ length: workers }, (_, index) => this.keepWorking(index));
    while (this.isMoving() && (this.kills < this.options.kills || (await this.count(undone)) > 0)) {
      if (this.kills < this.options.kills && (await this.isRoomForJob())) await this.post();
      await sleep(200);
    }
    if (!this.isMoving()) await this.tellWhatIsStuck();
    this.end();
    await Promise.all([...working, ...this.cancels]);
    await sleep(1_000); // for records and calls on their way
    const { collector, receiver, database } = this.world;
    const calls = (jobId: string) => receiver.calls(this.jobs.get(jobId) ?? '');
    const violations = await checkJobs(database, [...this.jobs.keys()], {
      records: collector.records,
      moments: this.moments,
      cancelled: this.cancelled,
      calls,
    });
    return { ...violations, kills: this.kills, jobs: this.jobs.size };
  }

  end(): void {
    this.isOver = true;
    for (const child of this.children) child.killGroup();
  }

  /** Posts a job over some of the namespaces; cancels one in six. */
  private async post(): Promise<void> {
    const hook = `hook-${this.posted++}`;
    const namespace = namespaces.slice(0, 1 + this.dice.below(namespaces.length));
    const request = { time_range, filter: { include: { namespace } }, webhook: { url: this.world.hook(hook) } };
    const jobId = await startJob(this.world.apiUrl, request);
    this.jobs.set(jobId, hook);
    this.movedAtMs = Date.now();
    const isCancelled = this.dice.below(6) === 0;
    const afterMs = this.dice.below(3_000);
    if (isCancelled) this.cancels.push(this.cancel(jobId, afterMs));
  }

  /** Cancels a job. If it has already ended completely, this deletes it, and there is nothing left to check. */
  private async cancel(jobId: string, afterMs: number): Promise<void> {
    await sleep(afterMs);
    const response = await fetch(`${this.world.apiUrl}/bulk?job_id=${jobId}`, { method: 'DELETE' });
    const { message } = (await response.json()) as { message: string };
    if (message === 'Job cancelled') this.cancelled.add(jobId);
    if (message === 'Job deleted') this.jobs.delete(jobId);
  }

  /** Restarts a worker whenever it ends, each time with the next break. */
  private async keepWorking(index: number): Promise<void> {
    while (!this.isOver) {
      const plan = this.breaksWorker(index) ? [this.breaks.next().value] : [];
      const env = { ...this.world.environment, CHAOS_PLAN: JSON.stringify(plan), CHAOS_FAULT: this.options.plantedFault };
      const onLine = (line: string) => this.read(line, index);
      const child = await startChild(`worker ${index}`, process.execPath, ['--import', breaker, mainFile], { env, onLine });
      this.children[index] = child;
      if (this.isOver) child.killGroup();
      await child.exited;
      child.killGroup();
    }
  }

  /** With a planted fault, breaks only the first worker: the other one takes over its rows. */
  private breaksWorker(index: number): boolean {
    return this.kills < this.options.kills && (index === 0 || !this.options.plantedFault);
  }

  private read(line: string, index: number): void {
    if (!line.startsWith('{"msg":"chaos')) return;
    this.movedAtMs = Date.now();
    const { msg, ...told } = JSON.parse(line);
    if (msg === 'chaos moment') this.moments.push(told);
    else void this.follow(told, index);
  }

  /** Follows up on a break: wakes a stopped worker, or breaks and repairs a server. A worker that survives is ended a little later. */
  private async follow(broken: Broken, index: number): Promise<void> {
    const { step, point, signal } = broken;
    const child = this.children[index]!;
    if (signal) this.kills++;
    if (signal === 'SIGKILL' || signal === 'SIGTERM') return this.tell(`kill ${this.kills}: ${signal} at ${step} ${point}`);
    if (signal) {
      const forMs = this.dice.below(longestStopMs);
      this.tell(
        `kill ${this.kills}: ${signal} at ${step} ${point} ${this.options.plantedFault ? 'until its row is taken' : `for ${forMs} ms`}`,
      );
      await (this.options.plantedFault ? this.untilTaken(broken) : sleep(forMs));
      if (!child.hasExited) process.kill(child.pid, 'SIGCONT');
    } else {
      await this.breakServer(`${step} ${point}`);
    }
    await sleep(afterlifeMs);
    if (!child.hasExited) process.kill(child.pid, 'SIGTERM');
  }

  /** Waits until another worker has leased the row. */
  private async untilTaken({ step, jobId, shard, fence }: StepMoment): Promise<void> {
    const isTaken = (moment: StepMoment) =>
      moment.step === step && moment.jobId === jobId && moment.shard === shard && moment.fence > fence;
    const endMs = Date.now() + takeOverMs;
    while (!this.isOver && Date.now() < endMs && !this.moments.some(isTaken)) await sleep(50);
  }

  private async breakServer(when: string): Promise<void> {
    const names = Object.keys(this.world.proxies);
    const name = names[this.dice.below(names.length)]!;
    const mode: FaultMode = faultModes[1 + this.dice.below(faultModes.length - 1)]!;
    const forMs = 1_000 + this.dice.below(longestFaultMs);
    this.tell(`fault: ${name} ${mode} at ${when} for ${forMs} ms`);
    await this.world.proxies[name]!.mode(mode);
    await sleep(forMs);
    await this.world.proxies[name]!.mode('pass');
  }

  /** Collects everything that may explain why nothing moves. */
  private async tellWhatIsStuck(): Promise<void> {
    const rows = async (sql: string) => (await this.world.database.query(sql)).rows;
    const ofJobs = `SELECT attempt.*, now() FROM attempt JOIN bulk_job ON id = job_id WHERE (${undone}) AND held_until IS DISTINCT FROM 'infinity'`;
    const activity = `SELECT pid, state, wait_event, left(query, 120) AS query, now() - state_change AS since FROM pg_stat_activity WHERE state <> 'idle'`;
    for (const row of [...(await rows(ofJobs)), ...(await rows(activity))]) this.tell(`stuck: ${JSON.stringify(row)}`);
    for (const [index, child] of this.children.entries())
      this.tell(`worker ${index}, ${child.hasExited ? 'ended' : 'up'}, printed:\n${child.output}`);
  }

  private async isRoomForJob(): Promise<boolean> {
    return (await this.count(`status = 'IN_PROGRESS'`)) < jobsAtOnce && (await this.count(undone)) < mostUndone;
  }

  private tell(line: string): void {
    this.options.onProgress?.(`${((performance.now() - this.startMs) / 1000).toFixed(1)} s: ${line}`);
  }

  private isMoving(): boolean {
    return Date.now() - this.movedAtMs < patienceMs[this.options.plantedFault ? 'planted' : 'honest'];
  }

  private async count(jobs: string): Promise<number> {
    return Number((await this.world.database.query(`SELECT count(*) FROM bulk_job WHERE ${jobs}`)).rows[0].count);
  }
}

/** SQL condition for jobs with unfinished work. */
const undone = `status = 'IN_PROGRESS' OR publication = 'pending' OR webhook ->> 'status' = 'IN_PROGRESS'`;
