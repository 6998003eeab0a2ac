import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

let guard: ChildProcess | undefined;

/**
 * Registers a process group to kill, a PostgreSQL to stop (by its pid file), or a folder to remove after this process has ended, for whatever reason,
 * even by kill -9.
 */
export function clearUpLater(kind: 'group' | 'pidfile' | 'folder', what: string | number): void {
  sendToGuard(`${kind} ${what}\n`);
}

/** Removes a registration: the cleanup is done. */
export function isClearedUp(what: string | number): void {
  sendToGuard(`gone ${what}\n`);
}

/** Runs all cleanups now. The test environment calls this at the end of each file, through the global of the same name. */
export async function clearUpNow(): Promise<void> {
  const ending = guard;
  guard = undefined;
  if (!ending) return;
  await new Promise((ended) => {
    ending.ref();
    ending.once('exit', ended);
    ending.stdin!.end();
  });
}

Object.assign(globalThis, { clearUpNow });

function sendToGuard(line: string): void {
  guard ??= startGuard();
  guard.stdin!.write(line);
}

/** The guard notices the end of this process by the end of its stdin. Neither process keeps the other alive. */
function startGuard(): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./guard.mjs', import.meta.url))], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH },
  });
  child.unref();
  (child.stdin as Socket).unref();
  return child;
}
