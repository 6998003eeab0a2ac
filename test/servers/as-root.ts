import { findProgram } from './find-program.js';
import { runCommand } from './run-command.js';

/** Runs a command as root: directly, or through sudo, which may ask for a password where there is a terminal. */
export async function asRoot(command: string, args: readonly string[]): Promise<string> {
  if (process.getuid?.() === 0) return runCommand(command, args, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  if (!findProgram('sudo')) throw new Error(`"${command} ${args.join(' ')}" needs root, and there is no sudo on this machine`);
  const ask = process.stdin.isTTY ? [] : ['--non-interactive'];
  return runCommand('sudo', [...ask, 'DEBIAN_FRONTEND=noninteractive', command, ...args]);
}
