import { migrateAt } from '../database/database.module.js';
import { readSettings } from '../settings/read-settings.js';

/**
 * Migrates the database of the settings in `environment` to this release, and returns a line that says what was done. Throws an error that names the
 * setting if there is no database or it cannot be migrated. DATABASE_DIRECT_URL takes precedence, because changes of tables need no pooler.
 */
export async function migrateDatabase(environment: NodeJS.ProcessEnv): Promise<string> {
  const settings = readSettings(environment);
  const setting = settings.DATABASE_DIRECT_URL === undefined ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL';
  const url = settings[setting];
  if (url === undefined) {
    throw new Error('There is no database to migrate: DATABASE_URL is not set. Set it to postgres://user:password@host:port/database.');
  }
  const executed = await migrateAt(url, setting);
  const { host, pathname } = new URL(url);
  const done = executed.length === 0 ? 'nothing to do' : `ran ${executed.join(', ')}`;
  return `The database at ${host}${pathname} is up to date: ${done}.\n`;
}
