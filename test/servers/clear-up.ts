import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

let guard: ChildProcess | undefined;

/**
 * Has a process group killed, the PostgreSQL of a pid file ended, or a folder removed, when this process has ended: by itself, by a
 * signal, even by kill -9.
 */
export function clearUpLater(kind: 'group' | 'pidfile' | 'folder', what: string | number): void {
  toldToGuard(`${kind} ${what}\n`);
}

/** It is cleared up already. */
export function isClearedUp(what: string | number): void {
  toldToGuard(`gone ${what}\n`);
}

/** Has it all cleared up now. The environment of tests finds this at the end of each file. */
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

function toldToGuard(line: string): void {
  guard ??= startGuard();
  guard.stdin!.write(line);
}

/** The guard sees the end of this process as the end of its input; neither keeps the other from ending. */
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
