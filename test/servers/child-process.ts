import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { clearUpLater, isClearedUp } from './clear-up.js';
import { waitUntil } from './wait-until.js';

/** Number of last output lines in an error message. */
const maxLines = 40;

export interface ChildOptions {
  readonly cwd?: string;
  /** Complete environment of the child; default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  readonly onLine?: (line: string) => void;
}

const running = new Set<RunningChild>();

/** A child process. It leads its own process group, so that Ctrl-C reaches only this process, and so that its own children end with it. */
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
        if (this.lines.push(line) > maxLines) this.lines.shift();
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

  /** Its last output lines. */
  get output(): string {
    return this.lines.join('\n');
  }

  /** Waits until `isReady`. If the child exits first or the time is over, kills it and rejects with its output. */
  async untilReady(isReady: () => boolean | Promise<boolean>, timeoutMs = 120_000): Promise<this> {
    try {
      await waitUntil(`${this.name} is ready`, async () => this.hasExited || (await isReady()), { timeoutMs });
      if (this.hasExited) throw new Error(`${this.name} exited before it was ready`);
      return this;
    } catch (cause) {
      this.killGroup();
      throw new Error(`${(cause as Error).message}. Its output:\n${this.output}`, { cause });
    }
  }

  /** Sends a signal and waits for the exit; after `timeoutMs`, kills it. Also kills the rest of its process group. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 20_000): Promise<void> {
    if (!this.hasExited) this.child.kill(signal);
    await Promise.race([this.exited, sleep(timeoutMs, undefined, { ref: false })]);
    this.killGroup();
    await this.exited;
  }

  /** kill -9 of the program alone, as in a crash. Its process group ends with `stop` or with this process. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Kills the process group. */
  killGroup(): void {
    running.delete(this);
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // The group has already ended.
    }
    isClearedUp(this.pid);
  }
}

/** Starts a program. It ends when this process ends, for whatever reason. */
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
    child.once('error', (cause) => reject(new Error(`${name}: ${command} did not start: ${cause.message}`, { cause })));
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

/** Stops the children in reverse order of their start, so that clients stop before their servers. A second signal exits at once. */
async function endAll(exitCode: number): Promise<void> {
  if (isEnding) process.exit(exitCode);
  isEnding = true;
  for (const child of [...running].reverse()) await child.stop('SIGTERM', 5_000);
  process.exit(exitCode);
}
