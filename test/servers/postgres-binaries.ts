import { findBinaries, type PostgresBinaries, placeBinaries } from '../../src/database/postgres-binaries.js';
import { findProgram } from './find-program.js';
import { runCommand } from './run-command.js';

/** Returns PostgreSQL's programs in a folder that its user can enter. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  return placeBinaries(await postgresUser(), await findBinaries());
}

/** Returns the user to run PostgreSQL as: the current one or, as PostgreSQL refuses to run as root, postgres for root (created if missing). */
export async function postgresUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const idOf = async (flag: string) => Number(await runCommand('id', [flag, 'postgres']));
  await idOf('-u').catch(() =>
    runCommand(findProgram('useradd') ?? 'useradd', ['--system', '--user-group', '--no-create-home', 'postgres']),
  );
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}
