import { findProgram } from './find-program.js';
import { runCommand } from './run-command.js';

/** Runs a command as root: directly, or by sudo, which may prompt for a password if there is a terminal. */
export async function asRoot(command: string, args: readonly string[]): Promise<string> {
  if (process.getuid?.() === 0) return runCommand(command, args, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  if (!findProgram('sudo'))
    throw new Error(`"${command} ${args.join(' ')}" needs root, and sudo is not installed. Run it as root or install sudo.`);
  const promptOptions = process.stdin.isTTY ? [] : ['--non-interactive'];
  return runCommand('sudo', [...promptOptions, 'DEBIAN_FRONTEND=noninteractive', command, ...args]);
}
