import { findBinaries, type PostgresBinaries, placeBinaries } from '../../src/database/postgres-binaries.js';
import { findProgram } from './find-program.js';
import { runCommand } from './run-command.js';

/** PostgreSQL's programs where the user that it runs as reaches them. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  return placeBinaries(await postgresUser(), await findBinaries());
}

/** Who PostgreSQL runs as: ourselves, or the user postgres (made when missing) where we are root, as which it refuses to run. */
export async function postgresUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const idOf = async (flag: string) => Number(await runCommand('id', [flag, 'postgres']));
  await idOf('-u').catch(() =>
    runCommand(findProgram('useradd') ?? 'useradd', ['--system', '--user-group', '--no-create-home', 'postgres']),
  );
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}
