import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { clearUpLater, isClearedUp } from './clear-up.js';
import { waitUntil } from './wait-until.js';

/** How many of the last lines of output are kept to explain a failure. */
const keptLines = 40;

export interface ChildOptions {
  readonly cwd?: string;
  /** The whole environment of the child; default: ours. */
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  readonly onLine?: (line: string) => void;
}

const running = new Set<RunningChild>();

/** A program that we started. It leads a process group of its own, so that Ctrl-C reaches only us and what it started ends with it. */
export class RunningChild {
  readonly pid: number;
  readonly exited: Promise<void>;
  hasExited = false;
  private readonly lines: string[] = [];

  constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
    onLine?: (line: string) => void,
  ) {
    this.pid = child.pid!;
    running.add(this);
    clearUpLater('group', this.pid);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream! }).on('line', (line) => {
        if (this.lines.push(line) > keptLines) this.lines.shift();
        onLine?.(line);
      });
    }
    this.exited = new Promise((resolve) => {
      child.once('exit', () => {
        this.hasExited = true;
        resolve();
      });
    });
  }

  /** The last lines it printed. */
  get output(): string {
    return this.lines.join('\n');
  }

  /** Waits until `isReady`; where it ends before or time runs out it is ended, and the error holds what it printed. */
  async untilReady(isReady: () => boolean | Promise<boolean>, timeoutMs = 120_000): Promise<this> {
    try {
      await waitUntil(`${this.name} answers`, async () => this.hasExited || (await isReady()), { timeoutMs });
      if (this.hasExited) throw new Error(`${this.name} ended before it answered`);
      return this;
    } catch (cause) {
      this.killGroup();
      throw new Error(`${(cause as Error).message}; it printed:\n${this.output}`, { cause });
    }
  }

  /** Asks it to end and waits; after `timeoutMs` it is killed. Whatever it left running in its group ends too. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 20_000): Promise<void> {
    if (!this.hasExited) this.child.kill(signal);
    await Promise.race([this.exited, sleep(timeoutMs, undefined, { ref: false })]);
    this.killGroup();
    await this.exited;
  }

  /** kill -9 of the program alone, as a crash is; its group ends later, with `stop` or with us. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Ends the whole group at once. */
  killGroup(): void {
    running.delete(this);
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // Nothing of the group is left.
    }
    isClearedUp(this.pid);
  }
}

/** Starts a program; it ends when this process ends, however that comes about. */
export async function startChild(
  name: string,
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<RunningChild> {
  endOnSignals();
  const { onLine, ...spawnOptions } = options;
  const child = spawn(command, args, { ...spawnOptions, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new Error(`${name}: ${command} does not start: ${cause.message}`, { cause })));
  });
  return new RunningChild(name, child, onLine);
}

let endsOnSignals = false;

function endOnSignals(): void {
  if (endsOnSignals) return;
  endsOnSignals = true;
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  for (const [signal, code] of Object.entries(codes)) process.on(signal, () => void endAll(code));
}

let isEnding = false;

/** Ends the children in the reverse order of their start, the ones that use others first; a second signal does not wait. */
async function endAll(exitCode: number): Promise<void> {
  if (isEnding) process.exit(exitCode);
  isEnding = true;
  for (const child of [...running].reverse()) await child.stop('SIGTERM', 5_000);
  process.exit(exitCode);
}
